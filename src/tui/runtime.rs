//! Drives the dashboard: keys, answers, time and signals in; frames out, at most ten a second and only when something
//! changed.

use std::io;
use std::time::Duration;

use crossterm::event::{Event as Input, EventStream, KeyEventKind};
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::acting::Arrival;
use super::app::{App, Effect, Event};
use super::poller::Poller;
use super::snapshot::Millis;
use super::terminal::Screen;
use super::views;
use super::worker::{Came, Worker};
use crate::api::Client;

/// Least time between two frames.
const FRAME: Duration = Duration::from_millis(100);
/// How often ages are drawn anew while nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// Shows the dashboard until somebody ends it. `pause` lies between two questions about the same; `clock` tells the time.
///
/// # Errors
///
/// The terminal cannot be used. An agent that cannot be reached is no error: it is shown.
pub async fn run(
    client: &Client,
    mut app: App,
    pause: Duration,
    clock: impl Fn() -> Millis,
) -> io::Result<()> {
    let mut screen = Screen::take()?;
    let mut poller = Poller::start(client, pause, app.following());
    let mut worker = Worker::new(client);
    let mut keys = EventStream::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut stopped = signal(SignalKind::from_raw(libc::SIGTSTP))?;
    let mut continued = signal(SignalKind::from_raw(libc::SIGCONT))?;
    let mut next_frame = Instant::now();
    loop {
        let event = tokio::select! {
            key = keys.next() => match key {
                Some(Ok(Input::Key(key))) if key.kind != KeyEventKind::Release => Event::Key(key),
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
                Came::Agent(client) => {
                    poller = Poller::start(&client, pause, app.following());
                    worker.moved(&client);
                    Event::Arrival(Arrival::Moved(client.address().to_owned()))
                }
            },
            _ = ticks.tick() => Event::Tick,
            _ = terminated.recv() => return Ok(()),
            _ = hung_up.recv() => return Ok(()),
            _ = interrupted.recv() => return Ok(()),
            _ = quit.recv() => return Ok(()),
            _ = stopped.recv() => {
                suspend(&mut screen)?;
                Event::Redraw
            }
            _ = continued.recv() => {
                screen.again()?;
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
                Effect::Refresh => poller.refresh(),
                Effect::Follow(parts) => poller.follow(parts),
                Effect::Write(order) => worker.order(order),
                Effect::Look(lookup) => worker.look(lookup),
                Effect::Via(address) => worker.connect(address),
                Effect::Quit => return Ok(()),
                Effect::Suspend => {
                    suspend(&mut screen)?;
                    app.dirty = true;
                }
            }
        }
    }
}

/// The shell's turn, until it continues this process. Nothing is drawn meanwhile.
fn suspend(screen: &mut Screen) -> io::Result<()> {
    use rustix::process::{Signal, getpid, getppid, getsid, kill_process};
    // Without a shell in the same session nobody would continue it; the kernel does not stop such processes either.
    let session = getsid(None)?;
    let has_shell = getppid().is_some_and(|parent| getsid(Some(parent)) == Ok(session));
    if has_shell {
        screen.leave();
        // The signal of ^z itself would only be heard again; this one stops at once.
        kill_process(getpid(), Signal::STOP)?;
    }
    screen.again()
}
