import FuzzSupport
@testable import SluiceCore
@testable import SluiceFormats
@testable import SluiceKernels
@testable import SluicePlan
@testable import SluiceRecipe
@testable import SluiceRun
@testable import SluiceStages

/// What processes of a shared run leave for each other.
///
/// The first byte says which: the description of the run, parts of its plan, or records of layers, rates, bins, counts
/// and directions.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzShare(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    guard let form = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    switch form % 7 {
    case 0: try checkDescription(rest)
    case 1: checkSlice(rest)
    case 2: checkLayer(rest)
    case 3: checkRates(rest)
    case 4: checkBins(rest)
    case 5: checkCounts(rest)
    default: checkDirections(rest)
    }
  }
}

/// A description, and behind a NUL byte the recipe.
private func checkDescription(_ bytes: [UInt8]) throws {
  let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
  let directory = directories.value
  parts[0].withUnsafeBytes { directory.fill(".sluice/\(ShareFolder.descriptionName)", $0) }
  let recipe = parts.count > 1 ? Array(parts[1]) : []
  recipe.withUnsafeBytes { directory.fill(".sluice/\(ShareFolder.recipeName)", $0) }
  guard case .prepared(let run) = try SharedRun.look(at: directory.path) else { return }
  precondition(run.phases.last == .merge && run.shareCount > 0)
  let again = SharedRun.description(run.folder, run.phases, run.settings, isSliced: run.isSliced)
  again.withUnsafeBytes { directory.fill(".sluice/\(ShareFolder.descriptionName)", $0) }
  guard case .prepared(let same) = try SharedRun.look(at: directory.path) else {
    fatalError("a description that is none when it is written again")
  }
  precondition(same.settings == run.settings && same.folder.run == run.folder.run)
}

/// A head, and tensors behind it: the first two bytes say how long the head is.
private func checkSlice(_ bytes: [UInt8]) {
  var reader = ByteReader(bytes)
  guard let length = reader.integer(UInt16.self), let head = reader.bytes(Int(length)),
    var slice = PlanSlice(head: head)
  else { return }
  guard slice.add(tasks: Array(bytes.dropFirst(2 + Int(length)))) else { return }
  for task in slice.tasks where !slice.files.isEmpty {
    for case let source? in [task.base] + task.fineTuned {
      precondition(source.byteRange.upperBound <= slice.files[source.file].byteCount)
    }
  }
  var again = PlanSlice(head: slice.headBytes)
  precondition(again?.add(tasks: slice.taskBytes(slice.tasks[...])) == true && again == slice)
}

private func checkLayer(_ bytes: [UInt8]) {
  guard let count = bytes.first.map({ Int($0 % 4) }),
    let layer = ShareLayer(Array(bytes.dropFirst()), of: task, modelCount: count)
  else { return }
  let record = layer.record(of: task)
  precondition(ShareLayer(record.body, of: task, modelCount: count)?.record(of: task) == record)
}

private func checkRates(_ bytes: [UInt8]) {
  guard let count = bytes.first.map({ Int($0 % 4) }),
    let rates = LayerRates(
      [JournalRecord(UnitKey(.rates, 0), body: Array(bytes.dropFirst()))], modelCount: count)
  else { return }
  let records = rates.records([task])
  precondition(LayerRates(records, modelCount: count)?.records([task]) == records)
}

private func checkBins(_ bytes: [UInt8]) {
  var bins = TrimBins()
  guard bins.add(bytes) else { return }
  var again = TrimBins()
  precondition(again.add(bins.record(.trimBins, model: 0).body) && again == bins)
  let half = bins.elementCount / 2
  guard let border = bins.border(keeping: half) else { return }
  precondition(bins.counts[border] != nil)
  guard let cut = bins.cut(keeping: half, bins) else { return }
  // Zeros are not kept.
  let kept = min(half, bins.elementCount - (bins.counts[0] ?? 0))
  precondition(cut.above + cut.keptOfTied >= kept)
}

private func checkCounts(_ bytes: [UInt8]) {
  if let cut = Cut(record: bytes) { precondition(Cut(record: cut.record(model: 1).body) == cut) }
  let record = JournalRecord(UnitKey(.majority, 0), body: bytes)
  if let majority = record.majority {
    precondition(JournalRecord.majority(majority).majority == majority)
  }
  if let solved = SolvedCount(record: bytes) {
    precondition(SolvedCount(record: solved.record(model: 0).body) == solved)
  }
}

private func checkDirections(_ bytes: [UInt8]) {
  let record = JournalRecord(UnitKey(.held, 3), body: bytes)
  guard let layers = SketchedLayer.layers(record) else { return }
  let again = SketchedLayer.record(layers, task: 3)
  precondition(SketchedLayer.layers(again)?.keys.sorted() == layers.keys.sorted())
}

private let task = TensorTask(
  ordinal: 0, name: "layer", role: .linear, elementCount: 1 << 20,
  base: TensorSource(file: 0, dtype: .bf16, byteRange: 0..<0), baseElementCount: 1 << 20,
  fineTuned: [], fineTunedElementCounts: [], outputDType: .bf16, outputShard: 0, outputOffset: 0,
  firstStrip: 0, columnCount: 1 << 10)

private let directories = Confined(MemoryDirectory([".sluice"]))
