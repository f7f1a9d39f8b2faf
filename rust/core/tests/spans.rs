//! Spans, counts and places against the definition: try every substring in every document.

use std::collections::HashSet;

use proptest::prelude::*;
use quotetune_core::filter::bloom::{Bloom, BloomBuilder};
use quotetune_core::memory::side_by_side::alone;
use quotetune_core::query::locate::{lowest_documents, occurrences};
use quotetune_core::query::spans::{self, Span, WindowHits, covered_runs, quoted_windows};
use quotetune_core::suffix::array::{SEPARATOR, suffix_array};
use quotetune_core::suffix::jump::jump_table;
use quotetune_core::suffix::lean::{LeanArrays, LeanView};
use quotetune_core::suffix::text_index::TextIndex;
use quotetune_core::suffix::view::SuffixView;
use quotetune_core::text::anchors::Anchors;
use quotetune_core::text::ngram::NgramHasher;

fn maximal_spans(
    query: &str,
    segments: &[TextIndex],
    anchors: Option<&Anchors>,
    prefilter: Option<WindowHits>,
    min_chars: usize,
) -> Vec<Span> {
    let spans = spans::maximal_spans(query, segments, anchors, prefilter, min_chars);
    alone(spans)
}

/// A few documents with their index.
struct Segment {
    text: Vec<u8>,
    starts: Vec<u64>,
    sa: Vec<u32>,
    jump: Vec<u32>,
}

impl Segment {
    fn new(documents: &[String]) -> Self {
        let (mut text, mut starts) = (Vec::new(), Vec::new());
        for document in documents {
            starts.push(text.len() as u64);
            text.extend_from_slice(document.as_bytes());
            text.push(SEPARATOR);
        }
        let (sa, jump) = (
            suffix_array(&text).to_vec(),
            jump_table(&text, 0..text.len()),
        );
        Self {
            text,
            starts,
            sa,
            jump,
        }
    }

    fn view(&self) -> TextIndex<'_> {
        TextIndex::Full(SuffixView::new(&self.text, &self.sa, &self.jump).unwrap())
    }
}

fn lean_view<'a>(segment: &'a Segment, arrays: &'a LeanArrays) -> TextIndex<'a> {
    let LeanArrays {
        suffixes,
        jump,
        fronts,
    } = arrays;
    TextIndex::Lean(LeanView::new(&segment.text, suffixes, jump, fronts).unwrap())
}

fn occurs(characters: &[char], documents: &[String]) -> bool {
    let piece = String::from_iter(characters);
    documents.iter().any(|document| document.contains(&piece))
}

/// Returns (start, end) of every substring that occurs, if it does not with one more character on the left or on the
/// right.
fn naive_spans(query: &str, documents: &[String], min_chars: usize) -> Vec<(usize, usize)> {
    let query: Vec<char> = query.chars().collect();
    let mut spans = Vec::new();
    for start in 0..query.len() {
        for end in start + min_chars..=query.len() {
            let wider = start > 0 && occurs(&query[start - 1..end], documents);
            let longer = end < query.len() && occurs(&query[start..=end], documents);
            if occurs(&query[start..end], documents) && !wider && !longer {
                spans.push((start, end));
            }
        }
    }
    spans
}

fn naive_count(pattern: &str, document: &str) -> usize {
    let starts = document.char_indices().map(|(at, _)| at);
    starts
        .filter(|&at| document[at..].starts_with(pattern))
        .count()
}

/// Returns which windows of the query are in a filter small enough to have many false positives.
fn prefilter(query: &str, documents: &[String], n: usize) -> Vec<bool> {
    let hasher = NgramHasher::new(n);
    let mut words = [0; 16];
    let builder = BloomBuilder::new(&mut words).unwrap();
    for document in documents {
        hasher.for_each_chunk(document, |hashes| builder.inserter().insert(hashes));
    }
    drop(builder);
    let mut hashes = Vec::new();
    hasher.extend_hashes(query, &mut hashes);
    let mut hits = vec![false; hashes.len()];
    Bloom::new(&words).unwrap().mark_hits(&hashes, &mut hits);
    hits
}

fn chars(spans: &[Span]) -> Vec<(usize, usize)> {
    spans
        .iter()
        .map(|span| (span.start_char, span.end_char))
        .collect()
}

/// Documents, and a query made of pieces of them and noise.
fn corpora() -> impl Strategy<Value = (Vec<String>, String)> {
    let document = prop_oneof![
        "[ab]{0,25}",
        "[abc ]{0,30}",
        "[aé漢字😀🙂\u{301}\u{0}]{0,20}"
    ];
    let documents = proptest::collection::vec(document, 0..6);
    let pieces = proptest::collection::vec((any::<(u8, u8, u8)>(), "[abé字🙂]{0,3}"), 0..6);
    (documents, pieces).prop_map(|(documents, pieces)| {
        let mut query = String::new();
        for ((which, from, length), noise) in pieces {
            if let Some(document) = documents.get(which as usize % documents.len().max(1)) {
                let from = from as usize % document.chars().count().max(1);
                query.extend(document.chars().skip(from).take(length as usize % 16));
            }
            query.push_str(&noise);
        }
        (documents, query)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn spans_are_the_maximal_matches((documents, query) in corpora(), n in 1usize..6, more in 0usize..3) {
        let segment = Segment::new(&documents);
        let min_chars = n + more;
        let expected = naive_spans(&query, &documents, min_chars);
        let hits = prefilter(&query, &documents, n);
        let prefilter = WindowHits { n, hits: &hits };
        for filter in [None, Some(prefilter)] {
            let spans = maximal_spans(&query, &[segment.view()], None, filter, min_chars);
            prop_assert_eq!(&chars(&spans), &expected);
            for span in spans {
                let before = &query[..span.start_byte];
                prop_assert_eq!(before.chars().count(), span.start_char);
                let inside = &query[span.start_byte..span.end_byte];
                prop_assert_eq!(inside.chars().count(), span.end_char - span.start_char);
            }
        }
    }

    #[test]
    fn a_prefilter_of_longer_windows_than_the_spans_loses_none((documents, query) in corpora()) {
        let segment = Segment::new(&documents);
        let hits = prefilter(&query, &documents, 6);
        let spans = maximal_spans(&query, &[segment.view()], None, Some(WindowHits { n: 6, hits: &hits }), 3);
        prop_assert_eq!(chars(&spans), naive_spans(&query, &documents, 3));
    }

    #[test]
    fn segments_together_equal_one((documents, query) in corpora(), cut in 0usize..6, n in 1usize..5) {
        let whole = Segment::new(&documents);
        let (first, second) = documents.split_at(cut.min(documents.len()));
        let parts = [Segment::new(first), Segment::new(second)];
        let views = parts.each_ref().map(Segment::view);
        let spans = maximal_spans(&query, &views, None, None, n);
        prop_assert_eq!(&spans, &maximal_spans(&query, &[whole.view()], None, None, n));
        for span in spans {
            let quote = &query[span.start_byte..span.end_byte];
            prop_assert_eq!(occurrences(&views, None, &[quote]), occurrences(&[whole.view()], None, &[quote]));
        }
    }

    #[test]
    fn quoted_windows_are_those_whose_ngram_occurs((documents, query) in corpora(), n in 1usize..6) {
        let segment = Segment::new(&documents);
        let grams: HashSet<Vec<char>> = documents
            .iter()
            .flat_map(|document| {
                let characters: Vec<char> = document.chars().collect();
                characters.windows(n).map(<[char]>::to_vec).collect::<Vec<_>>()
            })
            .collect();
        let query_characters: Vec<char> = query.chars().collect();
        let expected = query_characters.windows(n).filter(|&window| grams.contains(window)).count();
        let spans = maximal_spans(&query, &[segment.view()], None, None, n);
        prop_assert_eq!(quoted_windows(&spans, n), expected);
    }

    #[test]
    fn counts_and_first_places_are_those_of_a_scan((documents, query) in corpora(), k in 0usize..4) {
        let segment = Segment::new(&documents);
        for span in maximal_spans(&query, &[segment.view()], None, None, 1) {
            let quote = &query[span.start_byte..span.end_byte];
            let count: usize = documents.iter().map(|document| naive_count(quote, document)).sum();
            prop_assert_eq!(occurrences(&[segment.view()], None, &[quote]), [count]);
            let places = documents.iter().zip(&segment.starts).enumerate();
            let expected: Vec<(usize, u64)> = places
                .filter_map(|(index, (document, start))| Some((index, start + document.find(quote)? as u64)))
                .take(k)
                .collect();
            let positions = alone(segment.view().positions(quote.as_bytes(), None));
            prop_assert_eq!(lowest_documents(&positions, &segment.starts, k), expected);
        }
    }

    #[test]
    fn a_lean_index_finds_what_the_full_one_finds((documents, query) in corpora(), n in 1usize..12, more in 0usize..3) {
        let segment = Segment::new(&documents);
        let (arrays, anchors) = (LeanArrays::build(&segment.text, n), Anchors::new(n));
        let (lean, full) = ([lean_view(&segment, &arrays)], [segment.view()]);
        let min_chars = n + more;
        let expected = maximal_spans(&query, &full, None, None, min_chars);
        let hits = prefilter(&query, &documents, n);
        for filter in [None, Some(WindowHits { n, hits: &hits })] {
            let spans = maximal_spans(&query, &lean, Some(&anchors), filter, min_chars);
            prop_assert_eq!(&spans, &expected);
        }
        // Strings shorter than n are counted, too.
        for span in maximal_spans(&query, &full, None, None, 1) {
            let quote = &query[span.start_byte..span.end_byte];
            let positions = |index: &TextIndex, anchor| {
                let mut positions = alone(index.positions(quote.as_bytes(), anchor)).into_owned();
                positions.sort_unstable();
                positions
            };
            let anchor = anchors.first(quote);
            prop_assert_eq!(anchor.is_some(), quote.chars().count() >= n);
            prop_assert_eq!(positions(&lean[0], anchor), positions(&full[0], None));
            prop_assert!(alone(lean[0].contains(quote.as_bytes(), anchor)));
        }
    }

    #[test]
    fn an_anchor_is_the_leftmost_least_kgram_of_its_window(text in "[abé字🙂]{0,60}", n in 1usize..30) {
        let k = n.div_ceil(5);
        let mut kgrams = Vec::new();
        NgramHasher::new(k).extend_hashes(&text, &mut kgrams);
        let window = n - k + 1;
        let expected: Vec<usize> = kgrams
            .windows(window)
            .enumerate()
            .map(|(at, hashes)| {
                let least = hashes.iter().min();
                at + hashes.iter().position(|hash| Some(hash) == least).unwrap()
            })
            .collect();
        let mut found = Vec::new();
        Anchors::new(n).for_each(&text, |anchor| found.push(anchor));
        prop_assert_eq!(&found, &expected);
        let first = expected.first().map(|&at| text.char_indices().nth(at).unwrap().0);
        prop_assert_eq!(Anchors::new(n).first(&text), first);
    }

    #[test]
    fn covered_runs_join_consecutive_hits(hits in proptest::collection::vec(any::<bool>(), 0..40), n in 1usize..30) {
        let runs = covered_runs(WindowHits { n, hits: &hits });
        let begins = |i: usize| hits[i] && (i == 0 || !hits[i - 1]);
        let ends = |i: usize| hits[i] && (i + 1 == hits.len() || !hits[i + 1]);
        let starts: Vec<usize> = (0..hits.len()).filter(|&i| begins(i)).collect();
        let expected_ends: Vec<usize> = (0..hits.len()).filter(|&i| ends(i)).map(|i| i + n).collect();
        prop_assert_eq!(runs, starts.into_iter().zip(expected_ends).collect::<Vec<_>>());
    }
}

fn owned(documents: &[&str]) -> Vec<String> {
    documents
        .iter()
        .map(|&document| document.to_owned())
        .collect()
}

#[test]
fn an_empty_corpus_has_no_spans() {
    let empty = Segment::new(&[]);
    assert_eq!(maximal_spans("a query", &[empty.view()], None, None, 1), []);
    assert_eq!(maximal_spans("a query", &[], None, None, 1), []);
    assert_eq!(occurrences(&[], None, &["a"]), [0]);
}

#[test]
fn no_span_bridges_two_documents() {
    let segment = Segment::new(&owned(&["one end", "one start"]));
    let spans = maximal_spans("one endone start", &[segment.view()], None, None, 4);
    assert_eq!(chars(&spans), [(0, 7), (7, 16)]);
}

#[test]
fn neighbouring_spans_may_overlap() {
    let segment = Segment::new(&owned(&["abcdefgh", "efghijkl"]));
    let spans = maximal_spans("abcdefghijkl", &[segment.view()], None, None, 4);
    assert_eq!(chars(&spans), [(0, 8), (4, 12)]);
}

#[test]
fn a_match_does_not_end_inside_a_character() {
    // é and è share their first byte.
    let segment = Segment::new(&owned(&["abcdé"]));
    let spans = maximal_spans("abcdè", &[segment.view()], None, None, 2);
    assert_eq!(chars(&spans), [(0, 4)]);
}

#[test]
fn texts_shorter_than_the_window_have_no_spans() {
    let segment = Segment::new(&owned(&[&"x".repeat(60)]));
    for length in 0..25 {
        let query = "x".repeat(length);
        let prefilter = WindowHits { n: 25, hits: &[] };
        assert_eq!(
            maximal_spans(&query, &[segment.view()], None, Some(prefilter), 25),
            []
        );
    }
    assert_eq!(
        chars(&maximal_spans(
            &"x".repeat(25),
            &[segment.view()],
            None,
            None,
            25
        )),
        [(0, 25)]
    );
}

#[test]
fn text_of_one_character_gives_one_span_and_overlapping_counts() {
    let segment = Segment::new(&owned(&[&"a".repeat(100)]));
    let long = "a".repeat(300);
    let spans = maximal_spans(&long, &[segment.view()], None, None, 25);
    assert_eq!(spans.len(), 201);
    assert_eq!(quoted_windows(&spans, 25), 276);
    assert_eq!(
        occurrences(&[segment.view()], None, &[&"a".repeat(25)]),
        [76]
    );
}

#[test]
fn duplicate_documents_are_each_named_once() {
    let segment = Segment::new(&owned(&[
        "unrelated",
        "a quote a quote",
        "a quote",
        "a quote",
    ]));
    let positions = alone(segment.view().positions(b"a quote", None));
    assert_eq!(positions.len(), 4);
    let found = lowest_documents(&positions, &segment.starts, 2);
    assert_eq!(found, [(1, 10), (2, 26)]);
}
