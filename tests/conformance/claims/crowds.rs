//! Crowds: thousands of connections, opened and closed in every state. Alone in its process, whose descriptors it counts.

use std::fs;
use std::io::Write;
use std::net::TcpStream;

use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Player, Publisher};

use crate::adapters::Adapter;
use crate::house::House;
use crate::net::wait_until;
use crate::patience::ms;
use crate::visitor::Visitor;

pub(crate) fn thousands_of_connections_come_and_go_and_leave_nothing(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut bystander = house.publisher("bystander");
    let mut its_player = house.player("bystander");
    let before = descriptors();
    for wave in 0..WAVES {
        let crowd: Vec<Guest> = (0..EACH).map(|number| Guest::comes(&house, wave, number)).collect();
        bystander.stream(ms(40 + 40 * wave as u64));
        its_player.read_on(bystander.sent());
        for (number, guest) in crowd.into_iter().enumerate() {
            guest.goes(number / 7);
        }
    }
    house.until_counts(2, 1);
    its_player.watch(bystander.sent());
    wait_until(|| descriptors() == before);
}

/// Somebody in one of seven states.
enum Guest {
    Stranger(TcpStream),
    Camera(Box<Visitor<Publisher>>),
    Viewer(Box<Visitor<Player>>),
}

impl Guest {
    fn comes(house: &House<'_>, wave: usize, number: usize) -> Self {
        let stranger = || TcpStream::connect(house.address).expect("the server listens");
        let name = format!("cam{}", number % 5);
        let camera = || Visitor::at(house.address, Publisher::new("live", &name, Pattern::new()));
        let viewer = |name: &str| Visitor::at(house.address, Player::new("live", name));
        match (wave + number) % 7 {
            0 => Guest::Stranger(stranger()),
            1 => {
                let mut stranger = stranger();
                stranger.write_all(&[3; 1_000]).expect("the server takes it");
                Guest::Stranger(stranger)
            }
            2 => {
                let mut camera = camera();
                camera.poise();
                Guest::Camera(Box::new(camera))
            }
            3 => {
                let mut camera = camera();
                camera.poise();
                camera.flush();
                Guest::Camera(Box::new(camera))
            }
            4 => {
                let mut camera = camera();
                camera.run_until(|script| script.phase().is_decided());
                camera.stream(ms(40));
                Guest::Camera(Box::new(camera))
            }
            5 => {
                let mut viewer = viewer(&name);
                viewer.poise();
                viewer.flush();
                Guest::Viewer(Box::new(viewer))
            }
            _ => {
                let mut viewer = viewer("bystander");
                viewer.run_until(|script| script.phase().is_decided());
                Guest::Viewer(Box::new(viewer))
            }
        }
    }

    fn goes(self, round: usize) {
        match self {
            Guest::Stranger(socket) => drop(socket),
            Guest::Camera(camera) => drop(camera.vanish(round)),
            Guest::Viewer(viewer) => drop(viewer.vanish(round)),
        }
    }
}

/// Open descriptors of this process.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("it is Linux").count()
}

const WAVES: usize = 20;
const EACH: usize = 100;
