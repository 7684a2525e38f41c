/// The sequences that go through a model together, one after the other, without padding between them.
package struct TokenBatch: Sendable {
  /// A sequence, and what is asked of it.
  package struct Sequence: Sendable, Hashable {
    /// The tokens, the answer's among them.
    package var tokens: [Int32]
    /// The position of the first token whose probability is asked for: 1 or more.
    package var answerStart: Int

    /// Describes a sequence.
    package init(tokens: [Int32], answerStart: Int) {
      self.tokens = tokens
      self.answerStart = answerStart
    }

    /// How many rows it takes: the last token is asked about, and says nothing of others.
    var rowCount: Int { tokens.count - 1 }
    /// How many tokens are asked about.
    package var answerCount: Int { tokens.count - answerStart }
  }

  /// The sequences.
  package let sequences: [Sequence]
  /// The row of the first token of each, and the number of rows last.
  package let starts: [Int]
  /// The first answered token of each among all, and their number last.
  package let answers: [Int]

  /// Puts sequences together.
  ///
  /// - Parameter sequences: The sequences, each with two tokens or more.
  package init(_ sequences: [Sequence]) {
    self.sequences = sequences
    var (starts, answers) = ([0], [0])
    for sequence in sequences {
      precondition(sequence.answerStart > 0 && sequence.answerStart < sequence.tokens.count)
      starts.append(starts[starts.count - 1] + sequence.rowCount)
      answers.append(answers[answers.count - 1] + sequence.answerCount)
    }
    (self.starts, self.answers) = (starts, answers)
  }

  /// The number of rows that hold tokens.
  package var rowCount: Int { starts[starts.count - 1] }
  /// The number of rows with what fills up the last block.
  var paddedRowCount: Int { TokenBatch.padded(rowCount) }
  /// How many tokens are asked about.
  package var answerCount: Int { answers[answers.count - 1] }
  /// The bytes of lists of tokens: those of the tasks, those of the batch, and where each token is embedded.
  var listBytes: Int {
    sequences.reduce(0) { $0 + 2 * (4 * $1.tokens.count + 64) } + 32 * rowCount
  }
  /// The most rows of a sequence.
  package var longest: Int { sequences.lazy.map(\.rowCount).max() ?? 0 }

  /// A number of rows, filled up.
  static func padded(_ count: Int) -> Int {
    (count + Products.rowGrain - 1) / Products.rowGrain * Products.rowGrain
  }

  /// Blocks of rows, each of a size that does not depend on what else is computed.
  static func blocks(_ rowCount: Int) -> [Range<Int>] {
    stride(from: 0, to: padded(rowCount), by: Products.blockRows).map {
      $0..<min($0 + Products.blockRows, padded(rowCount))
    }
  }
}
