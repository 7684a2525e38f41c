internal import SluiceCore
internal import SluiceDataflow
internal import SluicePlan
internal import SluiceRun
internal import SluiceStages

/// One recipe of a group: its plan, and what of it is merged at the moment.
///
/// Safety: as of the group.
final class MergedMember: @unchecked Sendable {
  /// The merge.
  let plan: MergePlan
  /// The tensors by name.
  let tasks: [String: TensorTask]
  private let scratch: String
  private var merge: PartialMerge?
  private var merged: Set<String> = []

  init(_ plan: MergePlan, scratch: String) {
    (self.plan, self.scratch) = (plan, scratch)
    tasks = Dictionary(uniqueKeysWithValues: plan.tasks.map { ($0.name, $0) })
  }

  /// Runs the passes before the last.
  ///
  /// - Returns: The bytes that they read.
  func start(
    in group: MergedGroup, _ progress: ProgressMeter, _ cancellation: Cancellation
  ) throws -> Int {
    let merge = try PartialMerge(
      plan, scratch: scratch, progress: progress, cancellation: cancellation)
    self.merge = merge
    group.share(with: merge)
    return merge.bytesRead
  }

  func finish() { (merge, merged) = (nil, []) }

  private func started() -> PartialMerge {
    guard let merge else { preconditionFailure("weights that were not started") }
    return merge
  }

  func clear() throws {
    merged = []
    try started().clear()
  }

  func merge(_ piece: MergedGroup.Piece) throws {
    var (wanted, ordinals): ([TensorTask], Set<Int>) = ([], [])
    for (name, strips) in piece.strips {
      guard let task = tasks[name] else { continue }
      let own = plan.tensors.strips(of: task)
      wanted.append(task)
      ordinals.formUnion(strips.lazy.map { own.lowerBound + $0 }.filter(own.contains))
    }
    wanted.sort { $0.ordinal < $1.ordinal }
    try started().merge(wanted) { [ordinals] in ordinals.contains($0) }
    merged.formUnion(wanted.map(\.name))
  }

  /// How many strips a tensor has; 0 if there is none of the name.
  func stripCount(of name: String) -> Int {
    tasks[name].map { plan.tensors.strips(of: $0).count } ?? 0
  }

  /// What merging a strip of a tensor reads.
  func reads(of name: String, strip index: Int) throws -> [ReadPart: Int] {
    guard let task = tasks[name], index < plan.tensors.strips(of: task).count else { return [:] }
    return try plan.tensors.reads(
      of: Strip(task, index: index, granularity: plan.tensors.granularity))
  }

  /// The bytes of merged tensors.
  func mergedByteCount(_ names: [String]) -> Int {
    names.reduce(0) { sum, name in
      sum + (tasks[name].map { $0.elementCount * ($0.outputDType.byteCount ?? 1) } ?? 0)
    }
  }

  /// Reads merged weights; nil if the tensor is not merged at the moment.
  func read(
    _ name: String, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) throws -> Bool {
    guard merged.contains(name), let task = tasks[name] else { return false }
    // SAFETY: the caller has room for as many numbers as there are elements.
    try unsafe started().read(elements, of: task, into: target)
    return true
  }
}
