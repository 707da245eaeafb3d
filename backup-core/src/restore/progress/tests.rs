use super::*;

fn at(offset: u64) -> Checkpoint {
    format!("3.1 body {offset} {offset} {offset}")
        .parse()
        .expect("a place")
}

fn progress() -> Arc<Progress> {
    let files = vec![FileProgress::default(); 2];
    Progress::new(files, Tally::default(), BTreeMap::new())
}

fn intervals(progress: &Progress) -> Vec<(u64, u64)> {
    let finished = progress.finished(1).intervals.into_iter();
    finished
        .map(|(start, end)| (start, end.position().offset))
        .collect()
}

const ONE: Tally = Tally {
    records_read: 0,
    expired: 0,
    skipped: 0,
    ignored: 0,
    fresher: 0,
    existed: 0,
    inserted: 1,
    bytes_read: 0,
};

#[test]
fn intervals_join_in_any_order() {
    let pieces = [(0, 3), (3, 4), (4, 9), (9, 20), (20, 21)];
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..200 {
        let progress = progress();
        let mut order = pieces;
        random.shuffle(&mut order);
        for (start, end) in order {
            progress.begin(1, start).end(at(end), &Tally::default());
        }
        assert_eq!(intervals(&progress), [(0, 21)], "{order:?}");
        assert!(!progress.is_complete(1));
        progress.ends(1, 21);
        assert!(progress.is_complete(1) && !progress.is_complete(0));
    }
}

#[test]
fn a_gap_stays_a_gap() {
    let progress = progress();
    for (start, end) in [(0, 3), (9, 20), (3, 4)] {
        progress.begin(1, start).end(at(end), &Tally::default());
    }
    progress.ends(1, 20);
    assert_eq!(intervals(&progress), [(0, 4), (9, 20)]);
    assert!(!progress.is_complete(1));
}

/// Two batches hold rows of an interval, and it ends between their answers.
#[test]
fn an_interval_is_finished_when_the_last_one_has_told() {
    let progress = progress();
    let interval = progress.begin(1, 5);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    add_row(&mut first, &interval);
    add_row(&mut second, &interval);
    add_row(&mut first, &interval);
    assert_eq!(first.iter().map(|part| part.rows).sum::<usize>(), 2);
    first.iter().for_each(|part| part.interval.settle(&ONE));
    let tally = Tally {
        records_read: 3,
        ..Tally::default()
    };
    interval.end(at(9), &tally);
    let mut files = vec![FileState::default(); 2];
    assert_eq!(progress.picture(&mut files).0, Tally::default());
    assert!(!progress.is_worth_keeping() && files[1].done.is_empty());
    second.iter().for_each(|part| part.interval.settle(&ONE));
    let (totals, _) = progress.picture(&mut files);
    assert_eq!((totals.records_read, totals.inserted), (3, 2));
    assert_eq!(totals.bytes_read, 4);
    assert_eq!(files[1].done, [(5, "3.1 body 9 9 9".to_owned())]);
    assert_eq!(
        FileProgress::of(&files[1]).expect("sound").to_state().0,
        files[1].done
    );
}

#[test]
fn a_spoiled_interval_and_one_without_an_end_never_finish() {
    let progress = progress();
    let spoiled = progress.begin(1, 0);
    spoiled.spoil();
    spoiled.end(at(4), &ONE);
    let cut = progress.begin(1, 4);
    cut.hold();
    cut.settle(&ONE);
    drop(cut);
    assert!(!progress.is_worth_keeping());
}

#[test]
fn impossible_intervals_are_refused() {
    let check = |done: &[(u64, u64)], end| {
        let done = done
            .iter()
            .map(|(start, end)| (*start, at(*end).to_string()));
        let state = FileState {
            done: done.collect(),
            end,
            ..FileState::default()
        };
        FileProgress::of(&state).is_ok()
    };
    assert!(check(&[(0, 4), (5, 6)], Some(6)));
    assert!(!check(&[(0, 4), (4, 6)], None), "they touch");
    assert!(!check(&[(5, 6), (0, 4)], None), "out of order");
    assert!(!check(&[(4, 4)], None), "empty");
    assert!(!check(&[(0, 7)], Some(6)), "behind the end");
}
