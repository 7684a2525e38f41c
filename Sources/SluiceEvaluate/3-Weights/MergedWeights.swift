internal import SluiceArchitecture
package import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
package import SluicePlan
internal import SluiceRun
internal import SluiceStages
internal import Synchronization

/// Weights of a merged model that is never written: tensors are merged when a layer needs them.
///
/// Safety: tensors are merged by one thread at a time, while no other reads; what is read lies in files.
package final class MergedWeights: WeightSource, @unchecked Sendable {
  package let names: DecoderNames
  package let path: String
  private let plan: MergePlan
  private let scratch: String
  private let tasks: [String: TensorTask]
  private var merge: PartialMerge?
  private var merged: [String: TensorTask] = [:]

  /// Takes a plan; nothing is read yet.
  ///
  /// - Parameters:
  ///   - plan: The merge.
  ///   - path: The recipe's path, for messages.
  ///   - scratch: Where files lie that nobody needs afterwards.
  /// - Throws: `EvaluationError` if the merged model has no embedding.
  package init(_ plan: MergePlan, path: String, scratch: String) throws(EvaluationError) {
    let all = plan.tasks.map(\.name)
    guard let embedding = HeadNames.embedding(among: all),
      embedding.hasSuffix("embed_tokens.weight")
    else { throw .unsupported("there is no embed_tokens.weight", file: path) }
    let head = all.first(where: HeadNames.isHead) ?? embedding
    names = DecoderNames(embedding: embedding, head: head)
    tasks = Dictionary(uniqueKeysWithValues: plan.tasks.map { ($0.name, $0) })
    (self.plan, self.path, self.scratch) = (plan, path, scratch)
  }

  package var identity: String {
    (try? plan.manifest().identity.hexadecimal) ?? "unknown"
  }

  package func shape(_ name: String) -> TensorShape? {
    tasks[name].flatMap { TensorShape($0.dimensions) }
  }

  package func byteCount(_ name: String, rows: Int?) -> Int {
    tasks[name].map { TensorPlan.inputByteCount([$0]) } ?? 0
  }

  package var startByteCount: Int {
    plan.tensors.passes.dropLast().filter { !$0.isConditional }.reduce(0) {
      $0 + TensorPlan.inputByteCount($1.tasks(plan.tensors))
    }
  }

  package func start(_ progress: ProgressMeter, _ cancellation: Cancellation) throws -> Int {
    let merge = try PartialMerge(
      plan, scratch: scratch, progress: progress, cancellation: cancellation)
    self.merge = merge
    return merge.bytesRead
  }

  package func prepare(_ names: [String]) throws -> Int {
    guard let merge else { preconditionFailure("weights that were not started") }
    let wanted = names.compactMap { tasks[$0] }
    let before = merge.bytesRead
    merged = [:]
    try merge.merge(wanted)
    for task in wanted { merged[task.name] = task }
    return merge.bytesRead - before
  }

  package func read(
    _ name: String, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) throws -> Int {
    guard let merge, let task = merged[name] else { throw missing(name) }
    // SAFETY: the caller has room for as many numbers as there are elements.
    try unsafe merge.read(elements, of: task, into: target)
    try unsafe WeightCheck.check(target, elements, tensor: name, file: path)
    return 0
  }

  package func finish() { merge = nil }
}
