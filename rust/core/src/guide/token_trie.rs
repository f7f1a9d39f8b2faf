//! Which tokens may come next, if a response is one or more of given strings.
//!
//! Each string is the sequence of its tokens. The sequences lie one after the other, in ascending order, so those that
//! start with the same tokens are neighbours, and a position in the trie is a range of them. A million sequences of ten
//! tokens take 52 MB. Nodes and their children would take more, and a hash table per node several times as much.

use std::collections::HashMap;

/// Sequences of tokens, none of which is the start of another one.
pub struct TokenTrie {
    tokens: Vec<u32>,
    /// Where each sequence starts in `tokens`, with a closing entry.
    starts: Vec<usize>,
    /// How many tokens each sequence shares with the one before.
    shared: Vec<u32>,
    /// The largest number of sequences in a response.
    most: usize,
    /// The tokens that end a response.
    ends: Vec<u32>,
}

/// The tokens that may come next in some responses.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The state of each response, as a number. Responses in the same state share their tokens.
    pub states: Vec<usize>,
    /// The tokens that may come next in each state.
    pub tokens: Vec<Vec<u32>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// Before the first sequence.
    Start,
    /// After a sequence, before a further one.
    Between,
    /// In a sequence: it is one of those from `first` to before `end`, which share `depth` tokens.
    Inside {
        first: usize,
        end: usize,
        depth: usize,
    },
    /// After the last sequence, or after an end or any other token that was not allowed.
    Done,
}

impl TokenTrie {
    /// Sorts sequences, which lie one after the other in `tokens` with these `lengths`. Of equal ones, one counts. One
    /// that is the start of another one does not count, and neither does an empty one.
    pub fn new(tokens: Vec<u32>, lengths: &[usize], most: usize, ends: Vec<u32>) -> Self {
        let mut given: Vec<&[u32]> = Vec::with_capacity(lengths.len());
        let mut rest = tokens.as_slice();
        for &length in lengths {
            let (sequence, others) = rest.split_at(length.min(rest.len()));
            given.push(sequence);
            rest = others;
        }
        given.sort_unstable();
        let mut sorted = Vec::with_capacity(tokens.len());
        let mut starts = Vec::with_capacity(given.len() + 1);
        let mut shared = Vec::with_capacity(given.len());
        let mut before: &[u32] = &[];
        for (number, &sequence) in given.iter().enumerate() {
            let next = given.get(number + 1);
            if sequence.is_empty() || next.is_some_and(|next| next.starts_with(sequence)) {
                continue;
            }
            let common = before.iter().zip(sequence).take_while(|(a, b)| a == b);
            shared.push(common.count() as u32);
            starts.push(sorted.len());
            sorted.extend_from_slice(sequence);
            before = sequence;
        }
        starts.push(sorted.len());
        Self {
            tokens: sorted,
            starts,
            shared,
            most,
            ends,
        }
    }

    /// Returns the number of sequences.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// Returns the tokens that may come next in each of some responses, which are given by their tokens so far.
    pub fn allowed<R: AsRef<[u32]>>(&self, responses: &[R]) -> Allowed {
        let mut allowed = Allowed::default();
        let mut numbers = HashMap::new();
        for response in responses {
            let state = self.state(response.as_ref());
            let number = *numbers.entry(state).or_insert_with(|| {
                allowed.tokens.push(self.next(state));
                allowed.tokens.len() - 1
            });
            allowed.states.push(number);
        }
        allowed
    }

    fn state(&self, response: &[u32]) -> State {
        let (mut first, mut end, mut depth, mut complete) = (0, self.len(), 0, 0);
        for &token in response {
            let is_over = depth == 0 && complete == self.most && !self.ends.is_empty();
            (first, end) = self.child(first, end, depth, token);
            if is_over || first == end {
                return State::Done;
            }
            depth += 1;
            // None is the start of another one, so a sequence that is complete is alone in the range.
            if depth == self.sequence(first).len() {
                complete += 1;
                (first, end, depth) = (0, self.len(), 0);
            }
        }
        match (depth, complete) {
            (0, 0) => State::Start,
            // A model without an end goes on until its response is cut.
            (0, _) if complete >= self.most && !self.ends.is_empty() => State::Done,
            (0, _) => State::Between,
            _ => State::Inside { first, end, depth },
        }
    }

    fn next(&self, state: State) -> Vec<u32> {
        match state {
            State::Done => self.ends.clone(),
            State::Start => self.children(0, self.len(), 0),
            State::Inside { first, end, depth } => self.children(first, end, depth),
            State::Between => {
                let mut tokens = self.children(0, self.len(), 0);
                tokens.extend_from_slice(&self.ends);
                tokens
            }
        }
    }

    fn sequence(&self, number: usize) -> &[u32] {
        &self.tokens[self.starts[number]..self.starts[number + 1]]
    }

    /// Returns the sequences of a range that go on with a token after the `depth` that they share.
    fn child(&self, first: usize, end: usize, depth: usize, token: u32) -> (usize, usize) {
        let bound = |first: usize, is_before: &dyn Fn(u32) -> bool| {
            let (mut low, mut high) = (first, end);
            while low < high {
                let middle = low + (high - low) / 2;
                match is_before(self.tokens[self.starts[middle] + depth]) {
                    true => low = middle + 1,
                    false => high = middle,
                }
            }
            low
        };
        let low = bound(first, &|other| other < token);
        (low, bound(low, &|other| other <= token))
    }

    /// Returns the different tokens with which the sequences of a range go on after the `depth` that they share. The scan
    /// of `shared` reads four bytes per sequence in their order, so all of a million take less than a search per child.
    fn children(&self, first: usize, end: usize, depth: usize) -> Vec<u32> {
        let token = |number: usize| self.tokens[self.starts[number] + depth];
        let Some(others) = self.shared.get(first + 1..end) else {
            return (first..end).map(token).collect();
        };
        let others = others.iter().enumerate();
        let changes = others.filter(|&(_, &shared)| shared as usize == depth);
        let changes = changes.map(|(number, _)| token(first + 1 + number));
        [token(first)].into_iter().chain(changes).collect()
    }
}
