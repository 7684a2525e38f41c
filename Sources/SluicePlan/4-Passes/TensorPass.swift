package import SluiceStages

/// A pass over tensors: all that there is to know of it.
///
/// The plan prints these values, the run executes the same values, and the memory plan asks them what they
/// hold. docs/how-to/add-a-pass.md adds one.
package protocol TensorPass: Sendable {
  /// The name in plans and reports.
  var name: String { get }
  /// Why it takes place, for `sluice plan`.
  var reason: String { get }
  /// Whether it depends on the data if it takes place, so that its figures are upper bounds.
  var isConditional: Bool { get }
  /// What its time goes to.
  var cost: PassCost { get }
  /// What it must have seen before it can say something about a tensor.
  var reach: PassReach { get }
  /// The roles of the tensors that it looks at.
  var roles: Set<TensorRole> { get }

  /// The tensors among those of a run that it looks at.
  func tasks(among tasks: [TensorTask]) -> [TensorTask]
  /// How many tensors it looks at.
  func tensorCount(_ plan: TensorPlan) -> Int
  /// What runs in it, and what travels between its nodes.
  func graph(_ plan: TensorPlan) -> PassGraph
  /// The bytes of models that it reads.
  func bytesRead(_ plan: TensorPlan) -> Int
  /// The bytes of intermediate files that it writes.
  func bytesSpilled(_ plan: TensorPlan) -> Int
  /// The bytes of the merged model that it writes.
  func bytesWritten(_ plan: TensorPlan) -> Int
  /// The bytes of tables and scratch that a lane holds, beside chunks and tiles.
  func workerBytes(_ sizes: PassSizes) -> Int

  /// The bytes that what is known of its finished units takes.
  func unitBytes(_ sizes: PassSizes) -> Int

  /// Runs it, and adds what it finds to what is known.
  func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws
}

/// A pass that leaves what it finds in a file of the run.
package protocol FilePass: TensorPass {
  /// The kind of the units in the file, which is named like it.
  var fileKind: UnitKind { get }
}

/// What the time of a pass goes to, beside reading and writing.
package enum PassCost: Sendable, Hashable {
  /// Counting deltas.
  case counting
  /// Merging them.
  case merging
  /// Something that the machine's speed says nothing about.
  case unknown
}

/// What a pass must have seen before it can say something about a tensor: what it takes to do the pass in
/// shares.
package enum PassReach: Sendable, Hashable {
  /// The tensor.
  case tensor
  /// All linear layers, of each a few numbers, from which rates follow.
  case layers
  /// The same, and whole blocks, whose layers stay together.
  case blocks
  /// All of a model that it looks at: of bins how much is in each, then of one bin the magnitudes in it.
  case model
  /// All of all models, as one number.
  case everything
}

/// What the memory of a pass depends on.
package struct PassSizes: Sendable {
  /// The tensors of the run.
  package let tasks: [TensorTask]
  /// The number of fine-tuned models.
  package let modelCount: Int
  /// The number of elements in a strip.
  package let stripElements: Int
  /// Whether frames are written while tensors are counted.
  package let writesFrames: Bool
  /// Whether frames are read in the place of models.
  package let readsFrames: Bool

  /// The tensors of some roles.
  package func tasks(in roles: Set<TensorRole>) -> [TensorTask] {
    let roles = Array(roles)
    return tasks.filter { roles.contains($0.role) }
  }

  /// The most strips that the tensors of some roles are cut into.
  func stripCount(in roles: Set<TensorRole>) -> Int {
    tasks(in: roles).reduce(0) { $0 + $1.elementCount / stripElements + 1 }
  }

  /// The bytes of units that are strips.
  ///
  /// - Parameters:
  ///   - roles: The roles of the tensors.
  ///   - modelBytes: What must be known of each model.
  /// - Returns: The number of bytes.
  func unitBytes(in roles: Set<TensorRole>, modelBytes: Int) -> Int {
    stripCount(in: roles) * (PassUnits.byteCount + modelCount * modelBytes)
  }

  /// The bytes of units with histograms, and of the index of these.
  func histogramUnitBytes(in roles: Set<TensorRole>) -> Int {
    let slot = MemoryLayout<StripRecords.Slot>.stride
    return unitBytes(in: roles, modelBytes: slot + MemoryLayout<StripRecords.Slot?>.stride)
  }

  /// The bytes that reading frames takes.
  package var unpackingBytes: Int {
    readsFrames ? ReadStage.packedByteCount(modelCount: modelCount) : 0
  }
}

extension TensorPass {
  package var isConditional: Bool { false }
  package var cost: PassCost { .counting }
  package var reach: PassReach { .tensor }

  package func tasks(among tasks: [TensorTask]) -> [TensorTask] {
    // Few, which are compared sooner than looked up.
    let roles = Array(roles)
    // Where it looks at all, the list is not made anew.
    return tasks.allSatisfy { roles.contains($0.role) }
      ? tasks : tasks.filter { roles.contains($0.role) }
  }

  /// The tensors that it looks at.
  package func tasks(_ plan: TensorPlan) -> [TensorTask] { tasks(among: plan.tasks) }

  package func tensorCount(_ plan: TensorPlan) -> Int { tasks(plan).count }

  /// As many as the models have of its tensors, or the frames that stand for them.
  package func bytesRead(_ plan: TensorPlan) -> Int {
    plan.readByteCount(tasks(plan), knowsSpill: true)
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int { 0 }
  package func bytesWritten(_ plan: TensorPlan) -> Int { 0 }
  package func workerBytes(_ sizes: PassSizes) -> Int { sizes.unpackingBytes }
  package func unitBytes(_ sizes: PassSizes) -> Int { 0 }
}

extension Set<TensorRole> {
  /// The roles of tensors that a transform of a scope acts on.
  package init(_ scope: TransformScope) { self = scope == .all ? [.linear, .dense] : [.linear] }
}
