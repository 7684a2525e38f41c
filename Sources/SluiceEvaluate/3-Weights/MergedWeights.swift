internal import SluiceArchitecture
package import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
package import SluicePlan
internal import SluiceRun
internal import SluiceStages

/// Weights of a merged model that is never written: tensors are merged when a layer needs them.
///
/// Safety: as of the group; it is another one only before anything is read.
package final class MergedWeights: WeightSource, @unchecked Sendable {
  package let names: DecoderNames
  package let path: String
  /// The recipes that it is merged with.
  private(set) var group: MergedGroup
  let member: MergedMember

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
    member = MergedMember(plan, scratch: scratch)
    group = MergedGroup([member], names, capacity: 0)
    self.path = path
  }

  /// Puts the recipes among models together.
  ///
  /// - Parameters:
  ///   - models: The models.
  ///   - capacity: The most bytes of inputs that are kept for all recipes.
  /// - Returns: The group; nil if there is no recipe.
  /// - Throws: `EvaluationError` if their tensors have other names.
  static func group(
    _ models: [EvaluatedModel], capacity: Int
  ) throws(EvaluationError) -> MergedGroup? {
    let merged = models.compactMap { $0.weights as? MergedWeights }
    guard let first = merged.first else { return nil }
    let alike = merged.filter { $0.names == first.names }
    guard alike.count == merged.count else {
      throw EvaluationError.badInput(
        "the tensors of its model have other names than those of \(first.path.printable)",
        file: merged.first { $0.names != first.names }?.path,
        remedy: "Evaluate it by itself.")
    }
    let group = MergedGroup(merged.map(\.member), first.names, capacity: capacity)
    for weights in merged { weights.group = group }
    return group
  }

  package var identity: String {
    (try? member.plan.manifest().identity.hexadecimal) ?? "unknown"
  }

  package func shape(_ name: String) -> TensorShape? {
    member.tasks[name].flatMap { TensorShape($0.dimensions) }
  }

  /// Whole tensors are merged, for all recipes of the group: what that reads is known of the group.
  package func byteCount(_ name: String, rows: Int?) -> Int { 0 }

  package var startByteCount: Int {
    let tensors = member.plan.tensors
    return tensors.passes.dropLast().filter { !$0.isConditional }.reduce(0) {
      $0 + $1.bytesRead(tensors)
    }
  }

  package func start(_ progress: ProgressMeter, _ cancellation: Cancellation) throws -> Int {
    try member.start(in: group, progress, cancellation)
  }

  package func prepare(_ names: [String]) throws -> Int { try group.prepare(names) }

  package func read(
    _ name: String, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) throws -> Int {
    // SAFETY: the caller has room for as many numbers as there are elements.
    guard try unsafe member.read(name, elements, into: target) else { throw missing(name) }
    try unsafe WeightCheck.check(target, elements, tensor: name, file: path)
    return 0
  }

  package func finish() {
    member.finish()
    group.forget()
  }
}
