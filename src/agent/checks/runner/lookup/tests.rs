use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::SemaphorePermit;

use super::*;

/// Takes every turn to look up a name, as a silent name server would.
pub(in super::super) async fn all_turns() -> SemaphorePermit<'static> {
    let all = u32::try_from(MAX_LOOKUPS).unwrap();
    NAMES.turns.acquire_many(all).await.unwrap()
}

const SOON: Duration = Duration::from_millis(50);

/// Locked for as long as the name server is silent.
static SILENCE: Mutex<()> = Mutex::new(());

fn silent(_host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let over = SILENCE.lock().map_err(|_| io::Error::other("poisoned"))?;
    drop(over);
    Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
}

#[test]
fn a_silent_name_server_leaves_threads_to_others() {
    static TWO: Lookups = Lookups::new(2, silent);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(3)
        .enable_all()
        .build()
        .unwrap();
    let silence = SILENCE.lock().unwrap();
    let ends = runtime.block_on(async {
        let mut ends = Vec::new();
        for _ in 0..5 {
            let deadline = Instant::now() + SOON;
            ends.push(within(deadline, TWO.ask("web", 80)).await.unwrap_err());
        }
        let other = tokio::task::spawn_blocking(|| 7);
        let other = tokio::time::timeout(Duration::from_secs(20), other).await;
        (ends, other.map(Result::unwrap).ok())
    });
    drop(silence);
    let (queued, asking) = (Late::Queued, Late::Asking);
    assert_eq!(
        ends,
        (vec![asking, asking, queued, queued, queued], Some(7))
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    let found = runtime.block_on(within(deadline, TWO.ask("web", 80)));
    let here = SocketAddr::from(([127, 0, 0, 1], 80));
    assert_eq!(found.unwrap().unwrap(), vec![here]);
}

#[tokio::test]
async fn addresses_and_this_machine_wait_for_nobody() {
    let turns = all_turns().await;
    let here = SocketAddr::from(([127, 0, 0, 1], 80));
    assert_eq!(lookup("127.0.0.1", 80).await.unwrap(), vec![here]);
    assert!(lookup("LocalHost", 80).await.unwrap().contains(&here));
    drop(turns);
}

#[tokio::test]
async fn slow_work_after_a_lookup_is_not_the_lookups_fault() {
    let slow = async {
        lookup("localhost", 80).await.unwrap();
        std::future::pending::<()>().await;
    };
    let late = within(Instant::now() + Duration::from_secs(1), slow).await;
    assert_eq!(late, Err(Late::Talking));
}
