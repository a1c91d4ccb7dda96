//! Drives the dashboard: keys, answers, time and signals in; frames out, at most ten a second and only when something
//! changed.

use std::io;
use std::time::Duration;

use crossterm::event::{Event as Input, EventStream, KeyEventKind};
use futures_util::StreamExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::acting::Arrival;
use super::app::{App, Effect, Event};
use super::asker::Asker;
use super::clipboard;
use super::poller::Poller;
use super::shot;
use super::snapshot::Millis;
use super::terminal::Screen;
use super::views;
use super::worker::{Came, Opener, Worker};
use crate::api::Client;

/// Least time between two frames.
const FRAME: Duration = Duration::from_millis(100);
/// How often ages are drawn anew while nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// What the dashboard is not told by the agent.
pub struct Surroundings {
    /// Makes clients of contexts.
    pub opener: Opener,
    /// What lies between two questions about the same.
    pub pause: Duration,
    /// Whether the terminal is tmux's.
    pub in_tmux: bool,
}

/// Shows the dashboard until somebody ends it. `clock` tells the time.
///
/// # Errors
///
/// The terminal cannot be used. An agent that cannot be reached is no error: it is shown.
pub async fn run(
    client: &Client,
    surroundings: Surroundings,
    mut app: App,
    clock: impl Fn() -> Millis,
) -> io::Result<()> {
    let mut hands = Hands {
        screen: Screen::take()?,
        poller: Poller::start(client, surroundings.pause, app.following()),
        worker: Worker::new(client, surroundings.opener.clone()),
        asker: Asker::new(client),
        surroundings,
    };
    hands.screen.mouse(app.mouse.on)?;
    let mut keys = EventStream::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut signals = Signals::listen()?;
    let mut next_frame = Instant::now();
    loop {
        let event = tokio::select! {
            key = keys.next() => match key {
                Some(Ok(Input::Key(key))) if key.kind != KeyEventKind::Release => Event::Key(key),
                Some(Ok(Input::Mouse(mouse))) => Event::Mouse(mouse),
                Some(Ok(_)) => Event::Redraw,
                // The terminal is gone.
                Some(Err(_)) | None => return Ok(()),
            },
            arrived = hands.poller.next() => {
                let arrived = arrived?;
                Event::Answer(arrived.update, arrived.retry_in)
            }
            Some(came) = hands.worker.next() => Event::Arrival(hands.took(came, &app)),
            Some(found) = hands.asker.next() => Event::Found(found),
            _ = ticks.tick() => Event::Tick,
            sign = signals.next() => {
                match sign {
                    Sign::End => return Ok(()),
                    Sign::Stop => suspend(&mut hands.screen)?,
                    Sign::Continue => hands.screen.again()?,
                }
                Event::Redraw
            }
            () = sleep_until(next_frame), if app.dirty => {
                app.prepare(clock());
                hands.screen.terminal.draw(|frame| views::draw(frame, &mut app, clock()))?;
                app.dirty = false;
                next_frame = Instant::now() + FRAME;
                continue;
            }
        };
        for effect in app.update(clock(), event) {
            if hands.carry_out(effect, &mut app, clock())? == Flow::End {
                return Ok(());
            }
        }
    }
}

/// Whether the dashboard goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    End,
}

/// What reaches the world.
struct Hands {
    screen: Screen,
    poller: Poller,
    worker: Worker,
    asker: Asker,
    surroundings: Surroundings,
}

impl Hands {
    /// Takes what the worker brought: another agent is asked from now on.
    fn took(&mut self, came: Came, app: &App) -> Arrival {
        match came {
            Came::Arrival(arrival) => arrival,
            Came::Agent(client, context) => {
                self.poller = Poller::start(&client, self.surroundings.pause, app.following());
                self.asker = Asker::new(&client);
                self.worker.moved(&client);
                let address = client.address().to_owned();
                match context {
                    Some(name) => Arrival::Entered(name, address),
                    None => Arrival::Moved(address),
                }
            }
        }
    }

    fn carry_out(&mut self, effect: Effect, app: &mut App, now: Millis) -> io::Result<Flow> {
        match effect {
            Effect::Refresh => {
                self.poller.refresh();
                self.asker.refresh();
            }
            Effect::Want(demand) => self.asker.want(demand),
            Effect::Follow(parts) => self.poller.follow(parts),
            Effect::Write(order) => self.worker.order(order),
            Effect::Look(lookup) => self.worker.look(lookup),
            Effect::Via(address) => self.worker.connect(address),
            Effect::Context(name) => self.worker.enter(name),
            Effect::Mouse(on) => self.screen.mouse(on)?,
            Effect::Copy(text) => {
                let sequence = clipboard::sequence(&text, self.surroundings.in_tmux);
                self.screen.say(&sequence)?;
            }
            Effect::Screenshot => {
                let size = self.screen.terminal.size()?;
                let picture = shot::render(app, now, (size.width, size.height));
                self.worker
                    .save(shot::write(&picture, shot::Format::Text), now);
            }
            Effect::Quit => return Ok(Flow::End),
            Effect::Suspend => {
                suspend(&mut self.screen)?;
                app.dirty = true;
            }
        }
        Ok(Flow::On)
    }
}

/// What a signal asks for.
enum Sign {
    End,
    Stop,
    Continue,
}

/// Signals that would else leave the terminal as the dashboard needs it.
struct Signals {
    terminated: Signal,
    hung_up: Signal,
    interrupted: Signal,
    quit: Signal,
    stopped: Signal,
    continued: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminated: signal(SignalKind::terminate())?,
            hung_up: signal(SignalKind::hangup())?,
            interrupted: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            stopped: signal(SignalKind::from_raw(libc::SIGTSTP))?,
            continued: signal(SignalKind::from_raw(libc::SIGCONT))?,
        })
    }

    async fn next(&mut self) -> Sign {
        tokio::select! {
            _ = self.terminated.recv() => Sign::End,
            _ = self.hung_up.recv() => Sign::End,
            _ = self.interrupted.recv() => Sign::End,
            _ = self.quit.recv() => Sign::End,
            _ = self.stopped.recv() => Sign::Stop,
            _ = self.continued.recv() => Sign::Continue,
        }
    }
}

/// The shell's turn, until it continues this process. Nothing is drawn meanwhile.
fn suspend(screen: &mut Screen) -> io::Result<()> {
    use nix::unistd::{getppid, getsid};
    use rustix::process::{self, getpid, kill_process};
    // Without a shell in the same session nobody would continue it; the kernel does not stop such processes either. A
    // session that began outside of this PID namespace has the number 0, which rustix takes for impossible.
    let has_shell = getppid().as_raw() != 0 && getsid(Some(getppid())) == getsid(None);
    if has_shell {
        screen.leave();
        // The signal of ^z itself would only be heard again; this one stops at once.
        kill_process(getpid(), process::Signal::STOP)?;
    }
    screen.again()
}
