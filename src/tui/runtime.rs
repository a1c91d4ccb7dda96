//! Drives the dashboard: keys, answers, time and signals in; frames out, at most ten a second and only when something
//! changed.

use std::io;
use std::time::Duration;

use crossterm::event::{Event as Input, EventStream, KeyEventKind};
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::app::{App, Effect, Event};
use super::asker::Asker;
use super::poller::Poller;
use super::snapshot::Millis;
use super::terminal::Screen;
use super::views;
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
    let mut poller = Poller::start(client, pause);
    let mut asker = Asker::new(client);
    let mut keys = EventStream::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
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
            Some(arrived) = poller.next() => Event::Answer(arrived.update, arrived.retry_in),
            Some(found) = asker.next() => Event::Found(found),
            _ = ticks.tick() => Event::Tick,
            _ = terminated.recv() => return Ok(()),
            _ = hung_up.recv() => return Ok(()),
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
                Effect::Refresh => {
                    poller.refresh();
                    asker.refresh();
                }
                Effect::Want(demand) => asker.want(demand),
                Effect::Quit => return Ok(()),
                Effect::Suspend => {
                    screen.leave();
                    // The shell's turn; SIGCONT brings the screen back.
                    stop();
                }
            }
        }
    }
}

/// Stops this process as ^z does.
fn stop() {
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, rustix::process::Signal::TSTP).ok();
}
