internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// How tensors were changed, as reports have it (docs/reference/report.md).
extension MergeReport {
  func writeChanges(_ json: inout JSONWriter) throws {
    let (known, tasks) = (figures?.known, plan.tasks)
    try json.array("changes", of: plan.tensors.nameOrder, on: threads) { json, position in
      let task = tasks[position]
      if let sums = measured(task, known) { write(&json, task, sums) }
    }
  }

  /// The size of each model's deltas beside that of the base's weights, as far as they were looked at; nil where
  /// nothing was.
  package var measuredChanges: [Double?] {
    let own = models.indices.map { ChangeFigures.Sums.index($0, $0) }
    var changes = Array(repeating: 0.0, count: own.count)
    var base = 0.0
    for (task, sums) in measured(plan.tasks) {
      let weight = Double(task.elementCount) / Double(sums.count)
      for (model, own) in own.enumerated() { changes[model] += sums.changes[own].dot * weight }
      base += sums.base.dot * weight
    }
    return changes.map { base > 0 ? ($0 / base).squareRoot() : nil }
  }

  /// The share of a model's deltas in linear layers that are not zero when they are merged, as far as they were
  /// looked at; nil where none was.
  package func measuredKeptShare(model: Int) -> Double? {
    let own = ChangeFigures.Sums.index(model, model)
    var (kept, elements) = (0.0, 0.0)
    for (task, sums) in measured(plan.linearTasks) {
      kept += Double(sums.kept[own].both) / Double(sums.count) * Double(task.elementCount)
      elements += Double(task.elementCount)
    }
    return elements > 0 ? kept / elements : nil
  }

  /// Those of some tensors that were looked at, with what was summed of each.
  private func measured(
    _ tasks: [TensorTask]
  ) -> some Sequence<(task: TensorTask, sums: ChangeFigures.Sums)> {
    let known = figures?.known
    return tasks.lazy.compactMap { task in measured(task, known).map { (task, $0) } }
  }

  /// What was summed of a tensor that was looked at.
  private func measured(
    _ task: TensorTask, _ known: ChangeFigures.Known?
  ) -> ChangeFigures.Sums? {
    let strips = plan.tensors.granularity.stripCount(of: task.elementCount)
    return known?.sums(of: task, stripCount: strips).flatMap { $0.count > 0 ? $0 : nil }
  }

  private func write(_ json: inout JSONWriter, _ task: TensorTask, _ sums: ChangeFigures.Sums) {
    let count = Double(sums.count)
    func size(_ own: Comparison) -> JSONScalar { .double((own.dot / count).squareRoot()) }
    json.beginObject(isOnOneLine: true)
    json.member("name", .string(task.name))
    json.member("role", .string(task.role.rawValue))
    json.member("elements", .integer(task.elementCount))
    json.member("measured", .integer(sums.count))
    json.member("base", size(sums.base))
    json.member("merged", size(sums.merged))
    json.key("models")
    json.beginArray(isOnOneLine: true)
    for model in 0..<models.count {
      let own = ChangeFigures.Sums.index(model, model)
      json.beginObject(isOnOneLine: true)
      json.member("change", size(sums.changes[own]))
      json.member("changed", .double(Double(sums.changes[own].both) / count))
      json.member("keptChange", size(sums.kept[own]))
      json.member("keptShare", .double(Double(sums.kept[own].both) / count))
      json.member("cosine", sums.shares[model].cosine(sums.merged, sums.changes[own]))
      json.member(
        "inherited", JSONScalar(sums.shares[model].dot, over: sums.changes[own].dot))
      writeSizes(&json, sums, model)
      json.endObject()
    }
    json.endArray()
    json.key("pairs")
    json.beginArray(isOnOneLine: true)
    for second in 0..<models.count {
      for first in 0..<second { writePair(&json, first, second, sums) }
    }
    json.endArray()
    json.endObject()
  }

  /// The classes of sizes from the first to the last in which there is something.
  private func writeSizes(_ json: inout JSONWriter, _ sums: ChangeFigures.Sums, _ model: Int) {
    let classes = DeltaSizes.classCount
    let sizes = sums.sizes[(model * classes)..<((model + 1) * classes)]
    let first = sizes.firstIndex { $0 > 0 } ?? sizes.startIndex
    let end = (sizes.lastIndex { $0 > 0 } ?? first - 1) + 1
    json.member("firstSize", .integer(DeltaSizes.firstExponent + first - sizes.startIndex))
    json.list("sizes", integers: sizes[first..<end].map { Int($0) })
  }

  private func writePair(
    _ json: inout JSONWriter, _ first: Int, _ second: Int, _ sums: ChangeFigures.Sums
  ) {
    let index = ChangeFigures.Sums.index
    let (changes, kept) = (sums.changes[index(first, second)], sums.kept[index(first, second)])
    let any =
      sums.kept[index(first, first)].both + sums.kept[index(second, second)].both - kept.both
    json.beginObject(isOnOneLine: true)
    json.member("first", .integer(first))
    json.member("second", .integer(second))
    json.member(
      "cosine",
      changes.cosine(sums.changes[index(first, first)], sums.changes[index(second, second)]))
    json.member("sameSign", JSONScalar(Double(changes.same), over: Double(changes.both)))
    json.member("overlap", JSONScalar(Double(kept.both), over: Double(any)))
    json.member("conflict", JSONScalar(Double(kept.both - kept.same), over: Double(any)))
    json.endObject()
  }
}

extension JSONScalar {
  /// A quotient; null where it means nothing.
  fileprivate init(_ part: Double, over whole: Double) {
    self = whole > 0 ? .double(part / whole) : .null
  }
}

extension Comparison {
  /// The cosine of the angle between two runs, from the sizes of both; null if one of them is zero.
  fileprivate func cosine(_ first: Comparison, _ second: Comparison) -> JSONScalar {
    // The root of each, as their product could be too large or too small.
    JSONScalar(dot, over: first.dot.squareRoot() * second.dot.squareRoot())
  }
}
