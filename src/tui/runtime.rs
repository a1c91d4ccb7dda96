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
    let pause = surroundings.pause;
    let mut screen = Screen::take()?;
    screen.mouse(app.mouse.on)?;
    let mut poller = Poller::start(client, pause, app.following());
    let mut worker = Worker::new(client, surroundings.opener.clone());
    let mut asker = Asker::new(client);
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
            arrived = poller.next() => {
                let arrived = arrived?;
                Event::Answer(arrived.update, arrived.retry_in)
            }
            Some(came) = worker.next() => match came {
                Came::Arrival(arrival) => Event::Arrival(arrival),
                Came::Agent(client, context) => {
                    poller = Poller::start(&client, pause, app.following());
                    asker = Asker::new(&client);
                    worker.moved(&client);
                    let address = client.address().to_owned();
                    Event::Arrival(match context {
                        Some(name) => Arrival::Entered(name, address),
                        None => Arrival::Moved(address),
                    })
                }
            },
            Some(found) = asker.next() => Event::Found(found),
            _ = ticks.tick() => Event::Tick,
            sign = signals.next() => {
                match sign {
                    Sign::End => return Ok(()),
                    Sign::Stop => suspend(&mut screen)?,
                    Sign::Continue => screen.again()?,
                }
                Event::Redraw
            }
            () = sleep_until(next_frame), if app.dirty => {
                app.prepare(clock());
                screen.terminal.draw(|frame| views::draw(frame, &mut app, clock()))?;
                app.dirty = false;
                next_frame = Instant::now() + FRAME;
                continue;
            }
        };
        for effect in app.update(clock(), event) {
            match effect {
                Effect::Refresh => {
                    poller.refresh();
                    asker.refresh();
                }
                Effect::Want(demand) => asker.want(demand),
                Effect::Follow(parts) => poller.follow(parts),
                Effect::Write(order) => worker.order(order),
                Effect::Look(lookup) => worker.look(lookup),
                Effect::Via(address) => worker.connect(address),
                Effect::Screenshot => {
                    let (now, size) = (clock(), screen.terminal.size()?);
                    let picture = shot::render(&mut app, now, (size.width, size.height));
                    worker.save(shot::write(&picture, shot::Format::Text), now);
                }
                Effect::Mouse(on) => screen.mouse(on)?,
                Effect::Copy(text) => {
                    screen.say(&clipboard::sequence(&text, surroundings.in_tmux))?
                }
                Effect::Context(name) => worker.enter(name),
                Effect::Quit => return Ok(()),
                Effect::Suspend => {
                    suspend(&mut screen)?;
                    app.dirty = true;
                }
            }
        }
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
