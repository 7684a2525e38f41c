internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Adds up each tensor's |delta| before and after the mask: their quotient makes up for what it removes.
package struct MaskSumsPass: TensorPass {
  package let roles: Set<TensorRole>

  private let stages: [String]

  init(_ inputs: PassInputs) {
    roles = Set<TensorRole>(inputs.recipe.method.maskScope)
    stages = inputs.stageNames(through: .delta) + inputs.standIns.mask.transforms.map(\.name)
  }

  package var name: String { "mask sums" }
  package var reason: String {
    "the rescale of a tensor makes up for what the mask removes of its sum"
  }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    .lanes(plan, stages + ["sum"])
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    MaskSumSink.byteCount(modelCount: sizes.modelCount) + sizes.unpackingBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    sizes.unitBytes(in: roles, modelBytes: 2 * ExactSum.wordCount * 8)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let modelCount = executor.plan.modelCount
    let sums = MaskSums(taskCount: executor.plan.taskCount, modelCount: modelCount)
    var units = try executor.units(.maskSums)
    for task in tasks(executor.plan) {
      for strip in executor.plan.strips(of: task) {
        units.restore(strip) { body in
          guard let pairs = MaskSums.Pair.decode(body), pairs.count == modelCount else {
            return false
          }
          sums.add(pairs, to: task)
          return true
        }
      }
    }
    try executor.stream(self, after: findings.transforms(through: .delta), units) {
      [kernels = executor.kernels, mask = findings.mask, units] in
      MaskSumSink(modelCount: modelCount, mask: mask, kernels: kernels) { strip, pairs in
        sums.add(pairs, to: strip.task)
        units.finished(
          strip.ordinal, MaskSums.Pair.encode(pairs), workByteCount: strip.inputByteCount)
      }
    }
    findings.inputs.rescales = sums
  }
}

extension MaskSums.Pair {
  /// For each model the words of the sum before the mask and of that after it.
  fileprivate static func encode(_ pairs: [MaskSums.Pair]) -> [UInt8] {
    var bytes: [UInt8] = []
    for pair in pairs {
      for word in pair.whole.words + pair.kept.words { bytes.append(littleEndian: word) }
    }
    return bytes
  }

  fileprivate static func decode(_ bytes: [UInt8]) -> [MaskSums.Pair]? {
    var reader = ByteReader(bytes)
    var pairs: [MaskSums.Pair] = []
    func sum() -> ExactSum? {
      ExactSum(words: (0..<ExactSum.wordCount).compactMap { _ in reader.integer(UInt64.self) })
    }
    while !reader.isAtEnd {
      guard let whole = sum(), let kept = sum() else { return nil }
      pairs.append(MaskSums.Pair(whole: whole, kept: kept))
    }
    return pairs
  }
}
