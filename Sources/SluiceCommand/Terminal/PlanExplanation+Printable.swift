internal import SluiceCore
internal import SluicePlan
internal import SluiceRecipe

extension PlanExplanation {
  /// The same with texts that are safe on a terminal: they may come from a recipe or report of
  /// somebody else's.
  var printable: PlanExplanation {
    var plan = self
    plan.fingerprint = fingerprint.printable
    plan.modelNames = modelNames.map(\.printable)
    plan.modelPaths = modelPaths.map(\.printable)
    plan.output = output.printable
    plan.input = input.printable
    plan.inputReason = inputReason.printable
    plan.edges = edges.printable
    plan.edgesReason = edgesReason.printable
    plan.spillCodec = spillCodec.printable
    plan.spillReason = spillReason.printable
    for index in plan.stages.indices {
      plan.stages[index].name = stages[index].name.printable
      plan.stages[index].settings = stages[index].settings.printable(limit: .max)
    }
    for index in plan.roles.indices {
      plan.roles[index].name = roles[index].name.printable
      plan.roles[index].treatment = roles[index].treatment.printable
      plan.roles[index].example = roles[index].example.printable(limit: 200)
    }
    for index in plan.passes.indices { plan.passes[index].makePrintable() }
    for index in plan.memory.indices { plan.memory[index].name = memory[index].name.printable }
    return plan
  }
}

extension PlanExplanation.Pass {
  fileprivate mutating func makePrintable() {
    name = name.printable
    reason = reason.printable
    bound = bound.printable
    segments = segments.map { segment in
      var segment = segment
      segment.kind = NodeKind(segment.node.printable, bytes: segment.kind.bytes)
      segment.stages = segment.stages.map(\.printable)
      if let channel = segment.channel { segment.channel?.name = channel.name.printable }
      return segment
    }
  }
}
