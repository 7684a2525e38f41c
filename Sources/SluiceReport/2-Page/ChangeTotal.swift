internal import SluiceRun

/// Tensors taken together, each by its elements: as if they were one.
struct ChangeTotal {
  private let changes: [ReportedChange]

  init(_ changes: [ReportedChange]) { self.changes = changes }

  private func sum(_ value: (ReportedChange) -> Double) -> Double {
    changes.reduce(0) { $0 + value($1) * $1.elements }
  }

  private func quotient(_ part: Double, _ whole: Double) -> Double? {
    whole > 0 ? part / whole : nil
  }

  /// The size of what was added beside that of the base's weights.
  var relativeMerged: Double? {
    quotient(sum { $0.merged * $0.merged }, sum { $0.base * $0.base }).map { $0.squareRoot() }
  }

  /// The size of a model's deltas beside that of the base's weights.
  func relative(_ model: Int) -> Double? {
    quotient(sum { square($0.model(model)?.change) }, sum { $0.base * $0.base })
      .map { $0.squareRoot() }
  }

  /// The share of a model's deltas that are left.
  func keptShare(_ model: Int) -> Double? {
    quotient(sum { $0.model(model)?.keptShare ?? 0 }, sum { _ in 1 })
  }

  /// The cosine of what was added with a model's deltas.
  func cosine(_ model: Int) -> Double? {
    let product = sum { change in
      (change.model(model)?.inherited ?? 0) * square(change.model(model)?.change)
    }
    let sizes = sum { $0.merged * $0.merged } * sum { square($0.model(model)?.change) }
    return quotient(product, sizes.squareRoot())
  }

  /// Of the elements that at least one of two models keeps, the share that both keep with different signs.
  func conflict(_ first: Int, _ second: Int) -> Double? {
    quotient(
      sum { change in
        (change.pair(first, second)?.conflict ?? 0) * change.keptByAny(first, second)
      }, sum { $0.keptByAny(first, second) })
  }

  /// The same of the share that both keep.
  func overlap(_ first: Int, _ second: Int) -> Double? {
    quotient(
      sum { change in
        (change.pair(first, second)?.overlap ?? 0) * change.keptByAny(first, second)
      }, sum { $0.keptByAny(first, second) })
  }

  /// The cosine of two models' deltas.
  func cosine(_ first: Int, _ second: Int) -> Double? {
    func size(_ change: ReportedChange, _ model: Int) -> Double { change.model(model)?.change ?? 0 }
    let product = sum { change in
      (change.pair(first, second)?.cosine ?? 0) * size(change, first) * size(change, second)
    }
    let sizes = sum { square(size($0, first)) } * sum { square(size($0, second)) }
    return quotient(product, sizes.squareRoot())
  }

  private func square(_ value: Double?) -> Double { (value ?? 0) * (value ?? 0) }
}

extension ReportedChange {
  /// The share of elements that at least one of two models keeps: both shares together are those of any and of
  /// both, and the overlap says how much of any is both.
  fileprivate func keptByAny(_ first: Int, _ second: Int) -> Double {
    guard let overlap = pair(first, second)?.overlap else { return 0 }
    return ((model(first)?.keptShare ?? 0) + (model(second)?.keptShare ?? 0)) / (1 + overlap)
  }
}
