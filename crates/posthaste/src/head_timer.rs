//! The timer behind the deadline for the head of a request. hyper makes one for every request and
//! takes it back when the head is there, which for a caller that posts thousands of events a second
//! is a turn of the runtime's timer wheel, under its lock, each way. Here a connection has one alarm
//! that is left to stand: it rings too early at most, sees that the deadline has moved, and is set
//! anew. So a busy connection sets it twice a minute.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::time::Instant;

/// One per connection, because a connection waits for one head at a time.
#[derive(Debug, Clone, Default)]
pub struct HeadTimer(Arc<Alarm>);

/// Never set for later than the deadline that is waited for: deadlines only rise.
type Alarm = Mutex<Option<Pin<Box<tokio::time::Sleep>>>>;

struct Waiting {
    deadline: Instant,
    alarm: Arc<Alarm>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until((Instant::now() + duration).into_std())
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Waiting { deadline: deadline.into(), alarm: self.0.clone() })
    }

    /// tokio's, which tests can move.
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

impl Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().expect("no holder panics");
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        if alarm.deadline() < self.deadline {
            ready!(alarm.as_mut().poll(context));
            alarm.as_mut().reset(self.deadline);
        }
        alarm.as_mut().poll(context)
    }
}
