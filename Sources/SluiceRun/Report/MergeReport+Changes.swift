internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// How tensors were changed, as reports have it (docs/reference/report.md).
extension MergeReport {
  func writeChanges(_ json: inout JSONWriter) throws {
    let (known, order, tasks) = (figures?.known, plan.tensors.nameOrder, plan.tasks)
    try json.array("changes", count: known == nil ? 0 : order.count, on: threads) { json, range in
      look(at: order[range].lazy.map { tasks[$0] }, known) { write(&json, $0, $1) }
    }
  }

  /// The size of each model's deltas beside that of the base's weights, as far as they were looked at; nil where
  /// nothing was.
  package var measuredChanges: [Double?] {
    let own = models.indices.map { ChangeFigures.Sums.index($0, $0) }
    var changes = Array(repeating: 0.0, count: own.count)
    var base = 0.0
    look(at: plan.tasks, figures?.known) { task, sums in
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
    look(at: plan.linearTasks, figures?.known) { task, sums in
      kept += Double(sums.kept[own].both) / Double(sums.count) * Double(task.elementCount)
      elements += Double(task.elementCount)
    }
    return elements > 0 ? kept / elements : nil
  }

  /// Goes through those of some tensors that were looked at, with what was summed of each: one after the other in the
  /// same memory, as there may be ten thousands.
  private func look(
    at tasks: some Sequence<TensorTask>, _ known: ChangeFigures.Known?,
    _ body: (TensorTask, ChangeFigures.Sums) -> Void
  ) {
    guard let known else { return }
    var sums = ChangeFigures.Sums(modelCount: models.count)
    for task in tasks {
      let strips = plan.tensors.granularity.stripCount(of: task.elementCount)
      if known.read(task, stripCount: strips, into: &sums), sums.count > 0 { body(task, sums) }
    }
  }

  private func write(_ json: inout JSONWriter, _ task: TensorTask, _ sums: ChangeFigures.Sums) {
    let count = Double(sums.count)
    let (changes, kept, shares) = (sums.changes, sums.kept, sums.shares)
    let merged = sums.merged
    // Of a sample: more digits than those of a Float would say nothing, and there may be ten thousands of rows.
    func size(_ own: Comparison) -> Float { Float((own.dot / count).squareRoot()) }
    func share(_ part: Int) -> Float { Float(Double(part) / count) }
    json.beginObject(isOnOneLine: true)
    json.member("name", task.name)
    json.member("role", task.role.rawValue)
    json.member("elements", task.elementCount)
    json.member("measured", sums.count)
    json.member("base", size(sums.base))
    json.member("merged", size(merged))
    json.key("models")
    json.beginArray()
    for model in 0..<models.count {
      let own = ChangeFigures.Sums.index(model, model)
      let (change, kept, added) = (changes[own], kept[own], shares[model])
      json.beginObject()
      json.member("change", size(change))
      json.member("changed", share(change.both))
      json.member("keptChange", size(kept))
      json.member("keptShare", share(kept.both))
      json.member("cosine", added.cosine(merged, change))
      json.member("inherited", quotient(added.dot, over: change.dot))
      writeSizes(&json, sums, model)
      json.endObject()
    }
    json.endArray()
    json.key("pairs")
    json.beginArray()
    for second in 0..<models.count {
      for first in 0..<second { writePair(&json, first, second, changes, kept) }
    }
    json.endArray()
    json.endObject()
  }

  /// The classes of sizes from the first to the last in which there is something.
  private func writeSizes(_ json: inout JSONWriter, _ sums: ChangeFigures.Sums, _ model: Int) {
    let classes = DeltaSizes.classCount
    let start = model * classes
    var (first, end) = (start, start + classes)
    while end > start, sums.sizes[end - 1] == 0 { end -= 1 }
    if end > start { while sums.sizes[first] == 0 { first += 1 } }
    json.member("firstSize", DeltaSizes.firstExponent + first - start)
    json.array("sizes") { for place in first..<end { $0.value(Int(sums.sizes[place])) } }
  }

  private func writePair(
    _ json: inout JSONWriter, _ first: Int, _ second: Int, _ changes: ChangeFigures.Sums.Part,
    _ kept: ChangeFigures.Sums.Part
  ) {
    let index = ChangeFigures.Sums.index
    let (ofFirst, ofSecond) = (index(first, first), index(second, second))
    let (change, both) = (changes[index(first, second)], kept[index(first, second)])
    let any = kept[ofFirst].both + kept[ofSecond].both - both.both
    json.beginObject()
    json.member("first", first)
    json.member("second", second)
    json.member("cosine", change.cosine(changes[ofFirst], changes[ofSecond]))
    json.member("sameSign", quotient(Double(change.same), over: Double(change.both)))
    json.member("overlap", quotient(Double(both.both), over: Double(any)))
    json.member("conflict", quotient(Double(both.both - both.same), over: Double(any)))
    json.endObject()
  }
}

/// A quotient; no number, which JSON writes as null, where it means nothing.
private func quotient(_ part: Double, over whole: Double) -> Float {
  whole > 0 ? Float(part / whole) : .nan
}

extension Comparison {
  /// The cosine of the angle between two runs, from the sizes of both; no number if one of them is zero.
  fileprivate func cosine(_ first: Comparison, _ second: Comparison) -> Float {
    // The root of each, as their product could be too large or too small.
    quotient(dot, over: first.dot.squareRoot() * second.dot.squareRoot())
  }
}
