//! Client: the other role, against servers of the same adapter and against whatever else listens.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use socket2::{Domain, SockRef, Socket, Type};
use sol_core::media::Media;
use sol_core::session::{CloseReason, Event, RequestKind, SessionConfig, Target};
use sol_core::url::RtmpUrl;
use sol_tests::peer::pattern::{MediaSent, Pattern};

use crate::adapters::{Adapter, ClientRole};
use crate::house::{House, as_media, client_at};
use crate::patience::{ms, patient_timers};
use crate::porter::What;

pub(crate) fn a_client_publishes_to_the_last_byte_and_leaves_in_good_order(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut player = house.waiting_player("cam");
    let mut client = house.client(RequestKind::Publish, "cam");
    until_granted(&mut *client);
    // More than all buffers hold.
    let sent = two_seconds(Pattern::new().video_kilobits(8_000));
    for sent in &sent {
        assert!(client.room(), "nothing happens meanwhile");
        client.send(&as_media(sent));
    }
    client.leave();
    assert_eq!(heard(&mut *client).1.code(), "left");
    let has_closed = house.seen_besides().iter().any(|seen| matches!(seen.what, What::Closed(_)));
    assert!(has_closed, "the server has everything by then");
    player.watch_to_the_end(&sent);
}

pub(crate) fn a_client_plays_to_the_last_byte_and_hears_the_end(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher_of("cam", Pattern::new().video_kilobits(8_000));
    camera.stream(ms(1_000));
    let mut client = house.client(RequestKind::Play, "cam");
    until_granted(&mut *client);
    camera.stream(ms(1_900));
    camera.finish();
    let (media, why) = heard(&mut *client);
    assert_eq!(why.code(), "stream-ended");
    assert_eq!(client.next(), None);
    assert_has_all(&media, camera.sent());
}

pub(crate) fn a_client_hears_why_it_is_refused(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let camera = house.publisher("cam");
    let mut client = house.client(RequestKind::Publish, "cam");
    let CloseReason::RefusedByServer(_, word) = heard(&mut *client).1 else { panic!("it is refused") };
    assert_eq!(word.code, "NetStream.Publish.BadName");
    assert!(!client.room(), "there is nothing any more");
    drop(camera);
}

pub(crate) fn a_client_hears_that_the_server_shuts_down(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut publishes = house.client(RequestKind::Publish, "cam");
    until_granted(&mut *publishes);
    let mut plays = house.client(RequestKind::Play, "cam");
    until_granted(&mut *plays);
    thread::scope(|scope| {
        let down = scope.spawn(|| house.shutdown());
        for (client, code) in [(&mut publishes, "dismissed"), (&mut plays, "stream-ended")] {
            assert_eq!(heard(&mut **client).1.code(), code);
            assert_eq!(client.next(), None);
        }
        down.join().expect("it returns");
    });
}

pub(crate) fn a_client_that_only_sends_hears_that_the_server_shuts_down(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut client = house.client(RequestKind::Publish, "cam");
    until_granted(&mut *client);
    let sent = two_seconds(Pattern::new().audio_only());
    thread::scope(|scope| {
        let down = scope.spawn(|| house.shutdown());
        // The socket takes everything, so it never waits.
        let mut media = sent.iter().cycle();
        while client.room() {
            client.send(&as_media(media.next().expect("it begins anew")));
        }
        assert_eq!(heard(&mut *client).1.code(), "dismissed");
        down.join().expect("it returns");
    });
}

pub(crate) fn a_client_that_is_dropped_is_gone(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut publishes = house.client(RequestKind::Publish, "cam");
    until_granted(&mut *publishes);
    drop(publishes);
    house.until_empty();
    let mut camera = house.publisher("cam");
    let mut plays = house.client(RequestKind::Play, "cam");
    until_granted(&mut *plays);
    drop(plays);
    house.until_counts(1, 1);
    camera.stream(ms(100));
    house.player("cam").watch(camera.sent());
}

pub(crate) fn a_client_that_cannot_connect_says_so(adapter: &dyn Adapter) {
    // Nobody else gets the port, and nobody listens.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there is a descriptor");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("there is a port");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("it is bound");
    assert!(client_at(adapter, address, RequestKind::Play, "cam").is_err());
}

pub(crate) fn a_client_is_not_kept_by_what_is_no_server(adapter: &dyn Adapter) {
    let address = one_visit(|mut socket| {
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("the client takes it");
        socket.shutdown(Shutdown::Write).expect("it is open");
        hear_out(socket);
    });
    let mut client = client_at(adapter, address, RequestKind::Play, "cam").expect("somebody listens");
    assert_eq!(heard(&mut *client).1.code(), "http");
    assert_eq!(client.next(), None);
}

pub(crate) fn a_client_whose_connection_ends_without_a_word_hears_of_it(adapter: &dyn Adapter) {
    let resets: fn(TcpStream) = |socket| {
        SockRef::from(&socket).set_linger(Some(ms(0))).expect("it is open");
    };
    let closes: fn(TcpStream) = |socket| {
        socket.shutdown(Shutdown::Write).expect("it is open");
        hear_out(socket);
    };
    for (end, code) in [(resets, "peer-reset"), (closes, "peer-left")] {
        let address = one_visit(move |mut socket| {
            // C0 and some of C1 have come, so the client is past connecting.
            socket.read_exact(&mut [0; 100]).expect("the client speaks first");
            end(socket);
        });
        let mut client = client_at(adapter, address, RequestKind::Publish, "cam").expect("somebody listens");
        assert_eq!(heard(&mut *client).1.code(), code);
        assert_eq!(client.next(), None);
        assert!(!client.room(), "there is nothing any more");
    }
}

pub(crate) fn a_client_that_nobody_answers_gives_up(adapter: &dyn Adapter) {
    let mut timers = patient_timers();
    timers.handshake = ms(200);
    let mut client = loop {
        let address = one_visit(hear_out);
        let url: RtmpUrl = format!("rtmp://{address}/live/cam").parse().expect("it is a URL");
        let config = SessionConfig { timers, ..SessionConfig::default() };
        match adapter.connect(&url, &Target::play(&url), config) {
            Ok(client) => break client,
            // Connecting has as much time, and a busy machine may need more.
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
        }
    };
    assert_eq!(heard(&mut *client).1.code(), "handshake-timeout");
    assert_eq!(client.next(), None);
}

pub(crate) fn what_a_client_hears_and_says_may_come_byte_by_byte(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let sent: Vec<_> = two_seconds(Pattern::new()).into_iter().take(10).collect();
    thread::scope(|scope| {
        let by = dripping(house.address);
        let player = scope.spawn(move || {
            let mut client = client_at(adapter, by, RequestKind::Play, "cam").expect("it listens");
            heard(&mut *client).0
        });
        house.until(|seen| seen.what == What::Started(RequestKind::Play));
        let by = dripping(house.address);
        let mut client = client_at(adapter, by, RequestKind::Publish, "cam").expect("it listens");
        until_granted(&mut *client);
        for sent in &sent {
            assert!(client.room(), "nothing happens meanwhile");
            client.send(&as_media(sent));
        }
        client.leave();
        assert_eq!(heard(&mut *client).1.code(), "left");
        assert_has_all(&player.join().expect("it plays"), &sent);
    });
}

/// Waits until the server lets it.
fn until_granted(client: &mut dyn ClientRole) {
    loop {
        match client.next().expect("the server lets it") {
            Event::Granted(_) => return,
            Event::Closed { why, .. } => panic!("{why}"),
            _ => {}
        }
    }
}

/// All that a client hears to the end, and why it ended.
fn heard(client: &mut dyn ClientRole) -> (Vec<Media>, CloseReason) {
    let mut heard = Vec::new();
    loop {
        match client.next().expect("it ends with Closed") {
            Event::Media { media, .. } => heard.push(media),
            Event::Closed { why, .. } => return (heard, why),
            _ => {}
        }
    }
}

/// Every frame from the first one on, behind metadata and configurations.
fn assert_has_all(heard: &[Media], sent: &[MediaSent]) {
    let frames: Vec<Media> = sent.iter().filter(|sent| sent.role.is_frame()).map(as_media).collect();
    let preamble = sent.len() - frames.len();
    assert_eq!(heard.len(), sent.len());
    assert!(heard[preamble..] == frames, "the frames differ from what was sent");
}

fn two_seconds(pattern: Pattern) -> Vec<MediaSent> {
    pattern.media().take_while(|media| media.due < ms(2_000)).collect()
}

/// A place at which one client is received, in a thread of its own.
fn one_visit(receive: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let (listener, address) = listener();
    thread::spawn(move || receive(listener.accept().expect("the client comes").0));
    address
}

/// Says nothing, until the other end does so as well.
fn hear_out(mut socket: TcpStream) {
    while socket.read(&mut [0; 4_096]).is_ok_and(|count| count > 0) {}
}

/// A line to a server on which every byte is a segment of its own, as far as the kernel lets it; for one connection.
fn dripping(server: SocketAddr) -> SocketAddr {
    one_visit(move |near| {
        let far = TcpStream::connect(server).expect("the server listens");
        let [to, from] = [&near, &far].map(|socket| socket.try_clone().expect("there are descriptors"));
        thread::spawn(move || drip(from, to));
        drip(near, far);
    })
}

fn drip(mut from: TcpStream, mut to: TcpStream) {
    to.set_nodelay(true).expect("it is open");
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        for byte in &bytes[..count] {
            if to.write_all(&[*byte]).is_err() {
                return;
            }
        }
    }
    // The other direction may go on.
    to.shutdown(Shutdown::Write).ok();
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}
