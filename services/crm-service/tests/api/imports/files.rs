//! File formats, and detection of their properties.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::TestUser;

use super::{CSV, Site, all, counts, errors, imported, path, planned, same, sent, uploaded};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn utf_16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[tokio::test]
async fn a_file_is_understood_however_it_is_written() {
    let (site, ana) = Site::set().await;
    let text = "name;city;since\r\n\"Bólido; \"\"Comidas\"\"\r\npreparadas\";Luleå;2026-01-31\r\nSüßwaren;Köln;2025-12-01\r\n";
    let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
    for (bytes, encoding, bom) in [
        (text.as_bytes().to_vec(), "UTF-8", false),
        (marked, "UTF-8", true),
        (utf_16(text), "UTF-16LE", true),
        (latin(text), "windows-1252", false),
    ] {
        let import = uploaded(&ana, "clients", bytes).await;
        let file = &import["file"];
        assert_eq!(
            (&file["encoding"], &file["bom"], &file["delimiter"]),
            (&json!(encoding), &json!(bom), &json!(";"))
        );
        assert_eq!((&file["rows"], &file["ragged"], &file["header"]), (&json!(2), &json!(0), &json!(true)));
        let columns: Vec<_> = file["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (&one["name"], &one["type"], &one["suggested"]))
            .collect();
        assert_eq!(
            columns,
            [
                (&json!("name"), &json!("text"), &json!("name")),
                (&json!("city"), &json!("text"), &json!("billing_city")),
                (&json!("since"), &json!("date"), &Value::Null)
            ]
        );
        planned(
            &ana,
            &import,
            json!({ "mode": "create", "mapping": [
            { "field": "name", "column": "name" }, { "field": "billing_city", "column": "city" } ] }),
        )
        .await;
        let done = site.run(&ana, &import, "start").await;
        assert_eq!(counts(&done["done"]), (2, 0, 0, 0), "{encoding}");
        let names: Vec<Value> =
            all(&ana, "clients").await.into_iter().map(|one| one["name"].clone()).collect();
        assert!(
            names.contains(&json!("Bólido; \"Comidas\"\r\npreparadas")) && names.contains(&json!("Süßwaren")),
            "{names:?}"
        );
        site.run(&ana, &import, "undo").await;
    }
}

fn workbook(lines: &[&[&str]]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("Other").unwrap();
    let sheet = book.add_worksheet().set_name("Staff").unwrap();
    let day = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    for (at, line) in (0_u32..).zip(lines) {
        for (column, cell) in (0_u16..).zip(*line) {
            match cell.parse::<f64>() {
                Ok(number) if column == 3 => {
                    sheet.write_number_with_format(at, column, number, &day).unwrap();
                }
                Ok(number) => {
                    sheet.write_number(at, column, number).unwrap();
                }
                Err(_) if cell.is_empty() => {}
                Err(_) => {
                    sheet.write_string(at, column, *cell).unwrap();
                }
            }
        }
    }
    book.save_to_buffer().unwrap()
}

#[tokio::test]
async fn a_workbook_is_a_file_of_lines_like_any_other() {
    let (site, ana) = Site::set().await;
    let book = workbook(&[
        &["code", "first", "last", "hired", "rate"],
        &["7", "Ada", "Byron", "33725", "12.5"],
        &[],
        &["8", "Max", "Born", "", "many"],
    ]);
    let import = sent(&ana, "resource=employees&file_name=a.xlsx&sheet=Staff", XLSX, book.clone())
        .await
        .expect(StatusCode::CREATED);
    assert_eq!((&import["file"]["encoding"], &import["file"]["rows"]), (&Value::Null, &json!(2)));
    planned(&ana, &import, json!({ "mode": "create", "mapping": [
        { "field": "code", "column": "code" }, { "field": "first_name", "column": "first" }, { "field": "last_name", "column": "last" },
        { "field": "hire_date", "column": "hired" }, { "field": "hourly_rate", "column": "rate" }, { "field": "currency", "value": "EUR" },
    ] })).await;
    let done = site.run(&ana, &import, "start").await;
    assert_eq!(counts(&done["done"]), (1, 0, 0, 1));
    let employee = &all(&ana, "employees").await[0];
    assert_eq!(
        (&employee["code"], &employee["hire_date"], &employee["hourly_rate"]),
        (&json!("7"), &json!("1992-05-01"), &json!("12.50"))
    );
    let wrong = errors(&ana, &done, "run").await;
    assert_eq!(
        wrong,
        [
            json!({ "line": 4, "column": "rate", "pointer": "/hourly_rate", "code": "type", "message": "must be an amount such as 1500.00" })
        ]
    );

    let no_sheet = sent(&ana, "resource=employees&file_name=a.xlsx&sheet=None", XLSX, book).await;
    assert_eq!(no_sheet.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "import-no-sheet");
    let no_book = sent(&ana, "resource=employees&file_name=a.xlsx", XLSX, "name,code").await;
    assert_eq!(no_book.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "import-no-workbook");
}

#[tokio::test]
async fn what_is_no_file_of_ours_is_refused_and_leaves_nothing() {
    let (_, ana) = Site::set().await;
    let wide = format!("{}z\n", "a,".repeat(200));
    let endless = format!("name,city\n\"Acme,x\n{}", "b,c\n".repeat(400_000));
    for (query, media, file, code) in [
        ("resource=spaceships&file_name=a", CSV, "name\nA".to_owned(), "import-resource-unknown"),
        (
            "resource=clients&file_name=a&encoding=klingon",
            CSV,
            "name\nA".to_owned(),
            "import-encoding-unknown",
        ),
        ("resource=clients&file_name=a&encoding=utf-16le", CSV, "nam".to_owned(), "import-undecodable"),
        ("resource=clients&file_name=a", CSV, String::new(), "import-empty"),
        ("resource=clients&file_name=a", CSV, wide, "import-too-many-columns"),
        ("resource=clients&file_name=a", CSV, endless, "import-endless-line"),
        ("resource=clients&file_name=a&delimiter=x", CSV, "name\nA".to_owned(), "invalid"),
        ("resource=clients&file_name=", CSV, "name\nA".to_owned(), "invalid"),
        ("resource=clients", CSV, "name\nA".to_owned(), "invalid"),
    ] {
        let answer = sent(&ana, query, media, file).await;
        assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], code, "{query}");
    }
    let kind = sent(&ana, "resource=clients&file_name=a", "application/json", "{}".to_owned()).await;
    assert!(kind.header("accept").unwrap().starts_with("text/csv, application/vnd."), "{:?}", kind.headers);
    assert_eq!(kind.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE)["code"], "import-media-type");
    let headers = [("content-type", CSV), ("content-encoding", "gzip")];
    let path = "/api/v1/imports?resource=clients&file_name=a";
    let packed = ana.send_raw(Method::POST, path, &headers, &b"\x1f\x8b\x08\0"[..]).await;
    assert_eq!(packed.header("accept-encoding"), Some("identity"));
    assert_eq!(packed.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE)["code"], "unsupported-content-encoding");
    assert_eq!(ana.get("/imports").await.expect(StatusCode::OK)["data"], json!([]));
}

/// An archive whose declared size is smaller than its content.
#[tokio::test]
async fn a_workbook_that_unpacks_to_more_than_it_may_is_not_unpacked() {
    let (_, ana) = Site::set().await;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
    for _ in 0..80 {
        std::io::Write::write_all(&mut archive, &vec![b' '; 1024 * 1024]).unwrap();
    }
    let bomb = archive.finish().unwrap().into_inner();
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    let answer = sent(&ana, "resource=clients&file_name=a.xlsx", XLSX, bomb).await;
    assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "import-too-large");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read_to_its_end() {
    let (_, ana) = Site::set().await;
    let part = axum::body::Bytes::from(vec![b'a'; 1024 * 1024]);
    let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(part.clone()));
    let answer =
        sent(&ana, "resource=clients&file_name=a", CSV, axum::body::Body::from_stream(endless)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(ana.get("/imports").await.expect(StatusCode::OK)["data"], json!([]));
}

async fn file(person: &TestUser, import: &Value) -> String {
    let request = http::Request::get(format!("/api/v1{}/errors.csv", path(import)))
        .header("authorization", format!("Bearer {}", person.token))
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = tower::ServiceExt::oneshot(person.service.clone(), request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    String::from_utf8(axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn the_lines_at_fault_come_back_as_a_file_that_runs_nothing() {
    let (site, ana) = Site::set().await;
    let text =
        "name,email,rating\n=cmd(),no address,9\nGood,a@b.test,5\nOne,two,three,four\n@x\0,c@d.test,1\n";
    let import = imported(
        &site,
        &ana,
        "clients",
        text,
        json!({ "mode": "create", "mapping": same(&["name", "email", "rating"]) }),
    )
    .await;
    assert_eq!(counts(&import["done"]), (1, 0, 0, 3));
    let told = file(&ana, &import).await;
    assert_eq!(
        told,
        "line,column,reason,name,email,rating\r\n\
         2,\"email, rating\",must be an e-mail address (email); must be from 1 to 5 (range),'=cmd(),no address,9\r\n\
         4,,\"has 4 cells, and the file 3 columns (column-count)\",One,two,three,four\r\n\
         5,name,must not hold the character U+0000 (nul-character),'@x\u{fffd},c@d.test,1\r\n"
    );
    assert_eq!(all(&ana, "clients").await.len(), 1);
    let page = ana.get(&format!("{}/errors?limit=2", path(&import))).await.expect(StatusCode::OK);
    let next = page["page"]["next_cursor"].as_str().unwrap();
    let rest =
        ana.get(&format!("{}/errors?limit=2&cursor={next}", path(&import))).await.expect(StatusCode::OK);
    assert_eq!((page["data"].as_array().unwrap().len(), rest["data"].as_array().unwrap().len()), (2, 2));
    assert_eq!(rest["page"]["has_more"], false);
}
