internal import SluiceRecipe
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

extension PlanExplanation {
  /// Explains a plan; reads a little of the inputs to see how fast the machine is, and leaves nothing
  /// on the disk.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - output: The directory of the merged model.
  ///   - measuresSpeed: Whether to measure how fast the machine is, and estimate the time.
  package init(_ plan: MergePlan, output: String, measuresSpeed: Bool = true) {
    self.init()
    let recipe = plan.recipe
    fingerprint = recipe.fingerprint.hexadecimal
    modelNames = ["base"] + recipe.models.map(\.name)
    modelPaths = zip([recipe.base] + recipe.models.map(\.path), recipe.stacks).map { path, layers in
      // Of a stack the layers of each place: what lies between brackets is as in layer_range.
      layers.isEmpty
        ? path
        : layers.map {
          $0.isGap
            ? "nothing[\($0.layers.count)]"
            : "\($0.path)[\($0.layers.lowerBound), \($0.layers.upperBound)]"
        }.joined(separator: " ")
    }
    stages = recipe.resolvedStages().map { Stage(name: $0.name, settings: $0.arguments) }
    roles = PlanExplanation.roles(plan)
    passes = plan.tensors.passes.map { Pass($0, plan.tensors) }
    let memory = plan.memory
    self.memory = [
      MemoryPart(
        name: memory.chunksPerLane == 1 ? "chunk of a lane" : "chunks of a lane",
        count: memory.lanes,
        byteCount: memory.chunksPerLane * (memory.chunkBytes + memory.framesBytes)),
      MemoryPart(name: "tables of a lane", count: memory.lanes, byteCount: memory.tableBytes),
      MemoryPart(
        name: "output buffers", count: memory.outputBuffers, byteCount: memory.outputBufferBytes),
      MemoryPart(name: "lists of tensors", count: 1, byteCount: memory.indexBytes),
    ]
    memoryLimit = plan.options.memory.bytes
    smallestMemory = MemoryPlan.smallest(plan.tensors.memoryShape, plan.options).bytes
    // No pass has both; what the one takes more than the other is counted.
    let more = memory.frameBuffersByteCount - memory.outputBuffersByteCount
    if more > 0 {
      self.memory.append(MemoryPart(name: "more for frame buffers", count: 1, byteCount: more))
    }
    if memory.heldFramesByteCount > 0 {
      self.memory.append(
        MemoryPart(
          name: "frames that stay here", count: 1, byteCount: memory.heldFramesByteCount))
    }
    (input, inputReason) = (plan.tensors.input.mode.rawValue, plan.tensors.input.reason)
    edges = plan.tensors.chunkContract.name
    edgesReason = plan.tensors.readEdge.reason
    spillCodec = plan.spill.codec?.label ?? ""
    spillReason = plan.spill.reason
    self.output = output
    fileCount = plan.layout.shards.count
    let spill = plan.options.spillDirectory.map { "\($0)/spill" }
    bytesNeeded = DiskNeeds(plan, output: output, spill: spill).byteCount
    bytesFree = PlanExplanation.freeBytes(at: output)
    if measuresSpeed { estimate(plan) }
  }

  /// The directory itself, or its nearest ancestor that exists.
  static func nearestDirectory(to path: String) -> String {
    var path = path
    while (try? FileStatus.of(path)) ?? nil == nil {
      let parent = Directory.parent(of: path)
      if parent == path { break }
      path = parent
    }
    return path
  }

  private static func freeBytes(at path: String) -> Int {
    (try? FileSystem.freeByteCount(at: nearestDirectory(to: path))) ?? -1
  }
}

extension PlanExplanation.Pass {
  /// Encodes a pass of a plan.
  package init(_ pass: any TensorPass, _ plan: TensorPlan) {
    name = pass.name
    reason = pass.reason
    isConditional = pass.isConditional
    tensorCount = pass.tensorCount(plan)
    bytesRead = pass.bytesRead(plan)
    bytesSpilled = pass.bytesSpilled(plan)
    bytesWritten = pass.bytesWritten(plan)
    segments = pass.graph(plan).nodes.map { node in
      PlanExplanation.Segment(
        kind: node.kind, count: node.count, stages: node.stages,
        channel: node.edge.flatMap { edge in
          guard case .queued(let byteBound) = edge.contract else { return nil }
          return PlanExplanation.Channel(name: edge.name, count: edge.count, byteBound: byteBound)
        }, actual: nil)
    }
    seconds = 0
  }
}
