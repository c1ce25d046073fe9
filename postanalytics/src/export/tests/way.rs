//! The way to the Cloud: TLS and proxies.

use fake_cloud::certificate::Authority;
use fake_cloud::proxy::ConnectProxy;

use super::*;

/// A Cloud that speaks TLS, and its authority.
fn secure() -> (FakeCloud, Authority) {
    let (authority, listener) = (Authority::make().unwrap(), listener());
    let tls = authority.server(listener.local_addr().unwrap().ip()).unwrap();
    (builder().tls(tls).start(listener).unwrap(), authority)
}

impl Scene {
    fn trust(&self, cloud: &FakeCloud, authority: &Authority, name: &str) {
        self.write(name, &authority.pem());
        self.register(cloud, &format!("  ca_file: {}\n", self.path(name).display()));
    }
}

#[test]
fn only_the_authority_of_ca_file_is_trusted() {
    let (scene, (cloud, authority)) = (Scene::new(), secure());
    scene.trust(&cloud, &Authority::make().unwrap(), "other.pem");
    scene.queue.fill(0..12);
    let exporter = scene.start();
    until("it fails", || exporter.figures().last_failure.is_some());
    let reason = exporter.figures().last_failure.unwrap().reason;
    assert!(reason.contains("ertificate"), "{reason}");
    assert_eq!(cloud.ledger().count(), 0, "the secret was shown to a stranger");
    scene.trust(&cloud, &authority, "ca.pem");
    assert_eq!(finished(&scene, &exporter).exported, 12);
}

#[test]
fn the_proxy_for_connections_with_tls_sees_nothing_but_the_host() {
    let (scene, (cloud, authority)) = (Scene::new(), secure());
    scene.trust(&cloud, &authority, "ca.pem");
    let proxy = ConnectProxy::start(listener(), cloud.address).unwrap();
    let text = format!("http_proxy=http://127.0.0.1:1\nhttps_proxy=http://user:hidden@{}\n", proxy.address);
    scene.write("environment", &text);
    scene.queue.fill(0..25);
    let exporter = scene.start();
    assert_eq!(finished(&scene, &exporter).exported, 25);
    let heads = proxy.heads();
    assert!(!heads.is_empty() && heads.len() <= 2, "connections are kept: {heads:?}");
    for head in heads {
        assert!(head.starts_with("connect ") && head.contains("proxy-authorization: basic "), "{head}");
        assert!(!head.contains(SECRET));
    }
    assert!(!scene.log().contains("hidden"), "{}", scene.log());
}

#[test]
fn a_proxy_that_comes_and_goes_is_taken_up() {
    let (scene, cloud) = Scene::with(&[Answer::Takes]);
    scene.write("environment", "http_proxy=http://user:hidden@127.0.0.1:1\n");
    scene.queue.fill(0..5);
    let exporter = scene.start();
    until("it fails", || exporter.figures().last_failure.is_some());
    let proxy = ConnectProxy::start(listener(), cloud.address).unwrap();
    scene.write("environment", &format!("http_proxy=http://{}\n", proxy.address));
    assert_eq!((finished(&scene, &exporter).exported, proxy.heads().is_empty()), (5, false));
    assert!(!scene.log().contains("hidden"), "{}", scene.log());
}
