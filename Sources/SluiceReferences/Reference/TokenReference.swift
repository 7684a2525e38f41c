/// Rows of embeddings and heads for the tokens of a merged model, from the rules, token by token.
///
/// A model has a matrix and a list of tokens, one for each of its rows. Shares nothing with the product.
package struct TokenReference {
  /// A model.
  package struct Model {
    package var tokens: [String]
    package var rows: [[Float]]

    package init(tokens: [String], rows: [[Float]]) {
      self.tokens = tokens
      self.rows = rows
    }

    func row(_ token: String) -> [Float]? {
      tokens.firstIndex(of: token).flatMap { rows.indices.contains($0) ? rows[$0] : nil }
    }
  }

  /// What is said of a token.
  package enum Said {
    case zero
    case model(Int)
    case token(String, Int)
  }

  /// The models, in the order of the recipe.
  package var models: [Model]
  /// The position of a base that the recipe names.
  package var base: Int?
  /// What is said of tokens, and whether of all models.
  package var said: [String: (Said, isForced: Bool)] = [:]
  /// What the number of rows is a multiple of.
  package var multiple = 1
  /// What sums are rounded to.
  package var arithmetic: StepReference

  package init(_ models: [Model], base: Int?, _ arithmetic: StepReference) {
    self.models = models
    self.base = base
    self.arithmetic = arithmetic
  }

  /// The tokens of all models, those of the base first.
  package func union(base: Int) -> [String] {
    var tokens = models[base].tokens
    for model in models {
      for token in model.tokens where !tokens.contains(token) { tokens.append(token) }
    }
    return tokens
  }

  /// The rows of each model.
  package func rows(_ tokens: [String]) -> [[[Float]]] {
    let width = models[0].rows[0].count
    return models.map { model in
      var rows = tokens.map { token -> [Float] in
        if said[token]?.isForced != true, let own = model.row(token) { return own }
        return row(token) ?? [Float](repeating: 0, count: width)
      }
      let mean = (0..<width).map { column -> Float in
        var sum = 0.0
        for row in rows { sum += Double(arithmetic.r(row[column])) }
        return arithmetic.r(Float(sum / Double(rows.count)))
      }
      while rows.count % multiple != 0 { rows.append(mean) }
      return rows
    }
  }

  private func row(_ token: String) -> [Float]? {
    switch said[token]?.0 {
    case .zero: return nil
    case .model(let model): return models[model].row(token)
    case .token(let other, let model): return models[model].row(other)
    case nil: break
    }
    let have = models.compactMap { $0.row(token) }
    if have.count == 1 { return have[0] }
    if let base, let own = models[base].row(token) { return own }
    guard let first = have.first else { return nil }
    return first.indices.map { column in
      var sum: Float = 0
      for row in have { sum = arithmetic.r(sum + arithmetic.r(row[column])) }
      return arithmetic.r(sum / Float(have.count))
    }
  }
}
