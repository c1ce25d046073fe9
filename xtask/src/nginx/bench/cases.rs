//! The requests that are measured. Nothing in them is an attack.

use std::fmt::Write as _;

/// One kind of request.
#[derive(Debug, Clone)]
pub struct Case {
    /// As the table shows it.
    pub name: &'static str,
    /// Method.
    pub method: &'static str,
    /// Path with arguments.
    pub target: &'static str,
    /// Type of the body; empty without one.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// How many connections are open at a time: few where the peer takes a tenth of a second.
    pub connections: u32,
    /// What the module may add to the processor time of a request, in microseconds.
    pub goal: Option<f64>,
}

/// The boundary of the multipart upload.
const BOUNDARY: &str = "----form7d81c2ef04a9";

/// Every case.
#[must_use]
pub fn all() -> Vec<Case> {
    vec![
        Case {
            name: "GET, 5 arguments",
            method: "GET",
            target: "/index.html?id=4711&sort=price&order=ascending&page=3&q=winter+jacket",
            content_type: "",
            body: Vec::new(),
            connections: 32,
            goal: Some(12.0),
        },
        Case {
            name: "POST, form of 1 KB, proxied",
            method: "POST",
            target: "/app/order",
            content_type: "application/x-www-form-urlencoded",
            body: form(1024),
            connections: 32,
            goal: Some(40.0),
        },
        Case {
            name: "POST, JSON of 10 KB, proxied",
            method: "POST",
            target: "/app/import",
            content_type: "application/json",
            body: json(10 * 1024),
            connections: 4,
            goal: None,
        },
        Case {
            name: "POST, upload of 1 MB, proxied",
            method: "POST",
            target: "/app/upload",
            content_type: "multipart/form-data; boundary=----form7d81c2ef04a9",
            body: upload(1024 * 1024),
            connections: 4,
            goal: None,
        },
    ]
}

/// A form of about `size` bytes, as a shop's checkout sends it.
fn form(size: usize) -> Vec<u8> {
    let mut text = String::from(
        "name=Maria+Kowalska&email=maria.kowalska%40example.org&street=Lipowa+12%2F4&city=Krak%C3%B3w&zip=31-002\
         &phone=%2B48+12+345+67+89&country=PL&delivery=courier&invoice=no&newsletter=on&comment=",
    );
    let words = ["please", "leave", "the", "parcel", "with", "the", "neighbour", "on", "the", "second", "floor"];
    for word in words.iter().cycle() {
        if text.len() + word.len() >= size {
            break;
        }
        text.push_str(word);
        text.push('+');
    }
    text.into_bytes()
}

/// A list of records of about `size` bytes.
fn json(size: usize) -> Vec<u8> {
    let mut text = String::from("{\"source\":\"warehouse\",\"items\":[");
    for number in 0.. {
        let mut item = String::new();
        // Writing into a String cannot fail.
        let _ = write!(
            item,
            "{{\"sku\":\"WJ-{number:05}\",\"title\":\"Winter jacket, size {}\",\"price\":{}.95,\"stock\":{},\"tags\":[\"winter\",\"outdoor\"]}}",
            36 + number % 12,
            40 + number % 60,
            number * 7 % 100,
        );
        if text.len() + item.len() + 3 > size {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.push_str(&item);
    }
    text.push_str("]}");
    text.into_bytes()
}

/// A form with a file of `size` bytes that look like a compressed picture.
fn upload(size: usize) -> Vec<u8> {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHoliday\r\n--{BOUNDARY}\r\n\
         Content-Disposition: form-data; name=\"photo\"; filename=\"beach.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
    )
    .into_bytes();
    // xorshift64: the same bytes in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while body.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        body.extend_from_slice(&state.to_le_bytes());
    }
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_size_that_the_name_says() {
        let sizes: Vec<usize> = all().iter().map(|case| case.body.len()).collect();
        assert_eq!(sizes[0], 0);
        assert!((1000..=1024).contains(&sizes[1]), "{sizes:?}");
        assert!((10_000..=10_240).contains(&sizes[2]), "{sizes:?}");
        assert!((1_048_576..1_049_000).contains(&sizes[3]), "{sizes:?}");
    }

    #[test]
    fn the_json_body_is_json() {
        let value: serde_json::Value = serde_json::from_slice(&json(10 * 1024)).unwrap();
        assert!(value["items"].as_array().unwrap().len() > 50);
    }

    #[test]
    fn the_upload_names_its_boundary() {
        assert!(all()[3].content_type.ends_with(BOUNDARY));
    }
}
