internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

extension PlanExplanation {
  /// Explains a plan; reads a little of the inputs to see how fast the disk is, and writes nothing.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - output: The directory of the merged model.
  ///   - measuresDisk: Whether to measure how fast the inputs can be read.
  public init(_ plan: MergePlan, output: String, measuresDisk: Bool = true) {
    self.init()
    let recipe = plan.recipe
    fingerprint = recipe.fingerprint.hexadecimal
    modelNames = ["base"] + recipe.models.map(\.name)
    modelPaths = [recipe.base] + recipe.models.map(\.path)
    stages = recipe.resolvedStages().map { Stage(name: $0.name, settings: $0.arguments) }
    passes = PassList(plan).passes
    let memory = plan.memory
    self.memory = [
      MemoryPart(name: "chunks of a lane", count: memory.lanes, byteCount: memory.laneBytes),
      MemoryPart(name: "tables of a lane", count: memory.lanes, byteCount: memory.tableBytes),
      MemoryPart(
        name: "output buffers", count: memory.outputBuffers, byteCount: memory.outputBufferBytes),
      MemoryPart(name: "lists of tensors", count: 1, byteCount: memory.catalogueBytes),
    ]
    memoryLimit = plan.options.memory.bytes
    smallestMemory =
      MemoryPlan.smallest(
        plan.tasks, recipe: recipe, partitionCount: plan.settings.partitionCount,
        options: plan.options, frames: plan.frameUse
      ).bytes
    self.output = output
    fileCount = plan.layout.shards.count
    bytesNeeded = plan.layout.byteCount + (passes.map(\.bytesSpilled).max() ?? 0)
    bytesFree = PlanExplanation.freeBytes(at: output)
    if measuresDisk { estimate(plan) }
  }

  /// The bytes free where a directory will be: at its nearest ancestor that exists.
  private static func freeBytes(at path: String) -> Int {
    var path = path
    while true {
      if let free = try? FileSystem.freeByteCount(at: path) { return free }
      let parent = Directory.parent(of: path)
      if parent == path { return -1 }
      path = parent
    }
  }

  /// Estimates the time of each pass: reading and writing take turns on one disk, and computing goes
  /// on beside them at a rate that a lane of a common machine reaches.
  private mutating func estimate(_ plan: MergePlan) {
    readRate = DiskProbe.readRate(of: plan.files)
    guard readRate > 0 else { return }
    let computeRate = 1.2e9 * Double(plan.memory.lanes)
    var isFirst = true
    for index in passes.indices where !passes[index].isConditional {
      let pass = passes[index]
      let isCached = !isFirst && !plan.inputsExceedCache
      let disk = Double((isCached ? 0 : pass.bytesRead) + pass.bytesWritten) / readRate
      passes[index].seconds = max(disk, Double(pass.bytesRead) / computeRate)
      isFirst = false
    }
    seconds = passes.reduce(0) { $0 + $1.seconds }
  }
}
