//! tokio-postgres with what it hears beside the answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, NoTls};

/// A client and what it hears beside the answers.
pub(crate) struct Client {
    pub(crate) client: tokio_postgres::Client,
    pub(crate) notices: Arc<Mutex<Vec<String>>>,
    pub(crate) mode: watch::Receiver<String>,
}

impl std::ops::Deref for Client {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

impl Client {
    /// Connects with `options` of the start-up message.
    pub(crate) async fn connect(
        address: SocketAddr,
        user: &str,
        token: &str,
        options: &str,
    ) -> Result<Self, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(address.port())
            .user(user)
            .password(token)
            .dbname("shop");
        if !options.is_empty() {
            config.options(options);
        }
        let (client, mut connection) = config.connect(NoTls).await?;
        let notices = Arc::new(Mutex::new(Vec::new()));
        let (tell, mode) = watch::channel(String::new());
        let heard = Arc::clone(&notices);
        tokio::spawn(async move {
            let next = std::future::poll_fn(|context| {
                let polled = connection.poll_message(context);
                if let Some(mode) = connection.parameter("privet.mode") {
                    tell.send_if_modified(|known| {
                        let changed = known != mode;
                        mode.clone_into(known);
                        changed
                    });
                }
                match polled {
                    Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => {
                        heard.lock().unwrap().push(notice.message().to_owned());
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Ready(Some(Ok(AsyncMessage::Notification(heard_of)))) => {
                        heard.lock().unwrap().push(heard_of.payload().to_owned());
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Ready(Some(Ok(_))) => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Ready(_) => Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                }
            });
            next.await;
        });
        Ok(Self {
            client,
            notices,
            mode,
        })
    }

    /// States a reason of its own.
    pub(crate) async fn justify(&self) {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let reason = format!("CALL privet.justify('customer cannot log in, case {number}')");
        self.client.batch_execute(&reason).await.unwrap();
    }

    /// Opens the first customer's name and mail address.
    pub(crate) async fn decrypt(&self) {
        let call = "CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1', 'first_name,email', 1)";
        self.client.batch_execute(call).await.unwrap();
    }

    /// Waits until the mode it was told begins like this.
    pub(crate) async fn told_mode(&mut self, start: &str) {
        let told = self.mode.wait_for(|mode| mode.starts_with(start));
        tokio::time::timeout(std::time::Duration::from_secs(20), told)
            .await
            .unwrap()
            .unwrap();
    }

    /// What it was noticed.
    pub(crate) fn noticed(&self) -> String {
        self.notices.lock().unwrap().join("\n")
    }
}

/// The SQLSTATE, message and hint of an error.
pub(crate) fn told(error: &tokio_postgres::Error) -> (String, String, String) {
    let error = error
        .as_db_error()
        .unwrap_or_else(|| panic!("not the server's: {error:?}"));
    let hint = error.hint().unwrap_or_default().to_owned();
    (
        error.code().code().to_owned(),
        error.message().to_owned(),
        hint,
    )
}
