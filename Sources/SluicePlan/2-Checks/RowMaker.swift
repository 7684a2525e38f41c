internal import SluiceCore
internal import SluiceStages

/// Decides row by row, for the tokens of a merged model, which rows are the models' own and how others are made.
struct RowMaker {
  /// For each model its row of each token, or -1; afterwards what `MatchedRows` wants.
  private(set) var rows: [[Int32]]
  /// The rows that are made.
  private(set) var made: [MadeRows.Row] = []
  /// How many tokens no model has.
  private(set) var unknownCount = 0

  private let base: Int?
  private var said: [Int: (row: MadeRows.Row?, isForced: Bool)] = [:]
  private var places: [MadeRows.Row: Int32] = [:]

  /// Prepares to decide.
  ///
  /// - Parameters:
  ///   - rows: For each model its row of each token, or -1.
  ///   - base: The position of the base among the models.
  ///   - prefersBase: Whether the base's row comes before the mean of all.
  init(rows: [[Int32]], base: Int?, prefersBase: Bool) {
    self.rows = rows
    self.base = prefersBase ? base : nil
  }

  /// Notes what a recipe says of a token.
  mutating func set(_ token: Int, _ row: MadeRows.Row?, isForced: Bool) {
    said[token] = (row, isForced)
  }

  /// Decides.
  ///
  /// - Parameters:
  ///   - tokens: The tokens; nil for rows without one.
  ///   - rowCount: The number of rows, with those behind the last token.
  mutating func run(tokens: [UInt64?], rowCount: Int) {
    for token in tokens.indices {
      let present = rows.indices.filter { rows[$0][token] >= 0 }
      let isForced = said[token]?.isForced ?? false
      if present.count == rows.count, !isForced { continue }
      let code = place(said[token]?.row ?? usual(token, present, isHole: tokens[token] == nil))
      for model in rows.indices where isForced || rows[model][token] < 0 {
        rows[model][token] = code
      }
    }
    guard rowCount > tokens.count else { return }
    let code = place(.filling)
    for model in rows.indices {
      rows[model] += Array(repeating: code, count: rowCount - tokens.count)
    }
  }

  /// The row of a token of which nothing is said: that of the only model that has it, of the base, or the mean.
  private mutating func usual(_ token: Int, _ present: [Int], isHole: Bool) -> MadeRows.Row {
    func own(_ model: Int) -> MadeRows.Place {
      MadeRows.Place(source: model, row: rows[model][token])
    }
    guard let first = present.first else {
      if !isHole { unknownCount += 1 }
      return .zero
    }
    if present.count == 1 { return .copy(own(first)) }
    if let base, present.contains(base) { return .copy(own(base)) }
    return .mean(present.map(own))
  }

  private mutating func place(_ row: MadeRows.Row) -> Int32 {
    if let known = places[row] { return known }
    let code = Int32(-2 - made.count)
    made.append(row)
    places[row] = code
    return code
  }
}

/// A tensor of all models with rows for the same tokens.
struct AlignedRows {
  let shape: TensorShape
  var base: TensorSource?
  var fineTuned: [TensorSource?]

  init(shape: TensorShape, modelCount: Int) {
    self.shape = shape
    fineTuned = Array(repeating: nil, count: modelCount)
  }

  /// Puts them into a draft.
  func fill(_ draft: TensorDraft) {
    draft.shape = shape
    draft.base = base ?? draft.base
    draft.baseElementCount = shape.elementCount
    draft.fineTuned = fineTuned
    draft.fineTunedElementCounts = fineTuned.map { $0 == nil ? 0 : shape.elementCount }
  }
}
