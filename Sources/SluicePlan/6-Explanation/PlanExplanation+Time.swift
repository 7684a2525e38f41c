internal import SluiceRecipe
internal import Glibc
internal import SluiceFormats

extension PlanExplanation {
  /// Estimates the time of each pass from what was just measured.
  ///
  /// Reading from the disk, computing and writing go on beside each other, so the slowest decides.
  /// Two of them share what they need: reading and writing a disk, if it is the same; and taking
  /// pages from the cache and computing the processors, since there are as many lanes as these.
  mutating func estimate(_ plan: MergePlan) {
    guard let speed = SpeedProbe(plan: plan.tensors).measure(output: output) else { return }
    self.speed = speed
    isLowerBound =
      plan.tensors.passes.contains { $0.cost == .unknown } || !plan.recipe.stages.transforms.isEmpty
      || plan.recipe.stages.merging != nil
    let sharesDisk =
      PlanExplanation.device(of: plan.tensors.files.first?.path ?? "")
      == PlanExplanation.device(of: PlanExplanation.nearestDirectory(to: output))
    let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let lanesAtOnce = min(1, Double(processors) / Double(plan.memory.lanes))
    var isFirst = true
    for (index, planned) in plan.tensors.passes.enumerated()
    where !planned.isConditional && planned.cost != .unknown {
      let pass = passes[index]
      let bytes = Double(pass.bytesRead)
      let cached = isFirst ? speed.cachedShare : plan.tensors.inputsExceedCache ? 0 : 1
      isFirst = false
      let reading = speed.disk > 0 ? bytes * (1 - cached) / speed.disk : 0
      let rate = PlanExplanation.computeRate(of: pass, planned.cost, speed)
      let computing = (bytes / speed.cache + bytes / rate) / lanesAtOnce
      let writing = speed.writing > 0 ? Double(pass.bytesWritten) / speed.writing : 0
      let disk = sharesDisk ? reading + writing : max(reading, writing)
      passes[index].seconds = max(disk, computing)
      passes[index].bound =
        computing >= disk ? "computing" : reading >= writing ? "reading" : "writing"
    }
    seconds = passes.reduce(0) { $0 + $1.seconds }
  }

  /// Of merging it is the bare merge that was measured; each stage between delta and merge adds about
  /// an eighth of it.
  private static func computeRate(of pass: Pass, _ cost: PassCost, _ speed: Speed) -> Double {
    guard cost == .merging else { return speed.counting }
    // Read, delta and merge are part of the bare merge.
    let stages = pass.segments.reduce(0) { $0 + ($1.kind.bytes == .input ? $1.stages.count : 0) }
    return speed.merging / (1 + Double(max(0, stages - 3)) / 8)
  }

  private static func device(of path: String) -> UInt64? {
    (try? FileStatus.of(path))??.device
  }
}
