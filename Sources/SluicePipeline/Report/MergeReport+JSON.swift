internal import SluiceArchitecture
internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// The file format of reports, version 1 (docs/reference/report.md).
extension MergeReport {
  /// The whole report as a file that has not been published.
  func file(to path: String, via directory: String) throws(FormatError) -> AtomicFile {
    let file = try AtomicFile(to: path, via: directory)
    var json = JSONWriter(indentation: 1) { (text) throws(FormatError) in try file.append(text) }
    json.beginObject()
    json.member("version", .integer(MergeReport.version))
    json.member("sluice", .string(SluiceVersion.current))
    json.member("identity", .string(identity.hexadecimal))
    writePlan(&json)
    writeModels(&json)
    writeWarnings(&json)
    writeTotals(&json)
    writeShards(&json)
    if let explanation {
      json.key("explanation")
      explanation.write(to: &json)
    }
    json.list("copiedFiles", copiedFiles.map { .string($0) })
    json.key("leftOutFiles")
    json.beginArray()
    for file in plan.companions.leftOut {
      json.beginObject(isOnOneLine: true)
      json.member("name", .string(file.name))
      json.member("reason", .string(file.reason))
      json.endObject()
    }
    json.endArray()
    json.endObject()
    try json.finish()
    return file
  }

  private func writePlan(_ json: inout JSONWriter) {
    let (recipe, method) = (plan.recipe, plan.recipe.method)
    json.key("plan")
    json.beginObject()
    json.key("recipe")
    json.beginObject()
    json.member("base", .string(recipe.base))
    json.member("prune", .string(method.pruning.rawValue))
    json.member("merge", .string(method.merging.rawValue))
    json.member("pruningRate", .double(method.pruningRate.value))
    json.member("partitionWidth", .double(method.partitionWidth))
    json.list("partitionRates", method.partitionRates.map { .double($0.value) })
    json.member("rates", .string(method.assignedRates.rawValue))
    json.member("significanceMultiple", .double(method.significanceMultiple))
    json.member("maxRateDeviation", .double(method.maxRateDeviation))
    json.member("tieBreak", .string(method.tieBreak.rawValue))
    json.member("combine", .string(method.combination.rawValue))
    json.member("nonlinear", .string(method.nonLinear.rawValue))
    json.member("mergeScale", .double(method.mergeScale))
    writeChoices(&json)
    json.member("dtype", recipe.outputDType.map { .string($0.rawValue) } ?? .null)
    json.member("shardSize", .integer(recipe.shardSize.bytes))
    json.member("vocabulary", .string(recipe.vocabulary.rawValue))
    json.member("extraTensors", .string(recipe.extraTensors.rawValue))
    json.member("absent", recipe.absent.map { .string($0.rawValue) } ?? .null)
    json.list("rename", recipe.renames.map { .string($0) })
    json.member("routers", .string(recipe.routers.rawValue))
    json.list("linearInclude", recipe.linearSet.include.map { .string($0) })
    json.list("linearExclude", recipe.linearSet.exclude.map { .string($0) })
    json.endObject()
    writeRun(&json)
    json.endObject()
  }

  /// What only some methods know.
  private func writeChoices(_ json: inout JSONWriter) {
    let method = plan.recipe.method
    json.member("significance", method.significance.map { .string($0.rawValue) } ?? .null)
    json.member("deviationScale", .bool(method.scalesDeviations))
    json.member("rebalance", .bool(method.rebalancesRates))
    json.member("denominator", .string(method.denominator.rawValue))
    json.member("owlNorm", .string(method.owlNormalisation.rawValue))
    json.member("rescale", .string(method.rescale.rawValue))
    json.member("scope", .string(method.maskScope.rawValue))
    json.member("seed", .string("\(method.seed)"))
    json.member("tiesFlavor", .string(method.tiesFlavor.rawValue))
    json.member("tiesDensity", .double(method.trimDensity))
    json.member("zeroSign", .string(method.electedZeroSign.rawValue))
    json.member("tiesAggregation", .string(method.tiesAggregation.rawValue))
    json.member("target", .string(method.solveTarget.rawValue))
    json.member("dampening", .double(method.dampening))
    json.member("offDiagonal", .double(method.offDiagonal))
    json.member("temperature", .double(method.temperature))
    for file in MethodInputFile.allCases {
      if let path = plan.recipe.extraFiles[file] { json.member(file.rawValue, .string(path)) }
    }
  }

  private func writeRun(_ json: inout JSONWriter) {
    json.key("run")
    json.beginObject()
    json.member("memory", .integer(plan.options.memory.bytes))
    json.member("plannedMemory", .integer(plan.memory.totalBytes))
    json.member("lanes", .integer(plan.memory.lanes))
    json.member("chunkElements", .integer(plan.memory.chunkElements))
    json.member("outputBuffers", .integer(plan.memory.outputBuffers))
    json.member("io", .string(plan.options.io.rawValue))
    json.member("vectorLevel", .string(plan.options.vectorLevel.name))
    json.list("passes", passes.map { .string($0.name) })
    json.endObject()
  }

  private func writeModels(_ json: inout JSONWriter) {
    json.key("models")
    json.beginArray()
    for (model, recipe) in zip(models, plan.recipe.models) {
      json.beginObject()
      json.member("name", .string(model.name))
      json.member("path", .string(model.path))
      json.member("weight", .double(recipe.weight))
      for file in MethodInputFile.allCases {
        if let path = recipe.extraFiles[file] { json.member(file.rawValue, .string(path)) }
      }
      json.list("factors", model.factors.map { .double(Double($0)) })
      json.key("tensors")
      json.beginArray()
      for layer in model.layers { writeLayer(&json, layer) }
      json.endArray()
      json.member("requestedRate", .double(model.requestedRate))
      json.member("assignedRate", model.assignedRate.map { .double($0) } ?? .null)
      json.member("achievedRate", model.achievedRate.map { .double($0) } ?? .null)
      json.endObject()
    }
    json.endArray()
  }

  private func writeLayer(_ json: inout JSONWriter, _ layer: Layer) {
    let statistics = layer.statistics
    json.beginObject(isOnOneLine: true)
    json.member("name", .string(statistics.name))
    json.member("elements", .integer(statistics.elementCount))
    json.member("zeros", .integer(statistics.zeroCount))
    json.member("mean", .double(statistics.mean))
    json.member("significance", .double(statistics.significance))
    json.member("rate", .double(layer.cuts.rates.last ?? 0))
    json.list("rates", layer.cuts.rates.map { .double($0) })
    json.list("kept", layer.cuts.keptByRing.map { .integer($0) })
    json.list("threshold", layer.cuts.cuts.map(\.reportedThreshold))
    json.list("tied", layer.cuts.cuts.map { .integer($0.tied) })
    json.endObject()
  }

  private func writeWarnings(_ json: inout JSONWriter) {
    json.key("warnings")
    json.beginArray()
    for warning in warnings {
      json.beginObject(isOnOneLine: true)
      json.member("kind", .string(warning.kind.rawValue))
      if let model = warning.subject.model { json.member("model", .string(model)) }
      if let file = warning.subject.file { json.member("file", .string(file)) }
      if let tensor = warning.subject.tensor { json.member("tensor", .string(tensor)) }
      json.member("message", .string(warning.message))
      json.endObject()
    }
    json.endArray()
  }

  private func writeTotals(_ json: inout JSONWriter) {
    json.key("totals")
    json.beginObject()
    json.member("seconds", .double((totals.seconds * 1000).rounded() / 1000))
    json.member("bytesRead", .integer(totals.bytesRead))
    json.member("bytesWritten", .integer(totals.bytesWritten))
    json.member("bytesSpilled", .integer(totals.bytesSpilled))
    json.member("peakMemory", .integer(totals.peakMemory))
    json.member("peakLeased", .integer(totals.peakLeased))
    json.member("attempts", .integer(totals.attempts))
    json.endObject()
  }

  private func writeShards(_ json: inout JSONWriter) {
    let tasks = Dictionary(grouping: plan.tasks) { $0.stack?.tensor ?? $0.name }
    json.key("shards")
    json.beginArray()
    for shard in plan.layout.shards {
      let parts = shard.tensors.map { tensor in
        (tasks[tensor.name] ?? []).sorted { ($0.stack?.index ?? 0) < ($1.stack?.index ?? 0) }
      }
      let tensorSums = parts.map { BlockSum(parts: $0.map { sums.sum(of: $0.ordinal) }) }
      json.beginObject()
      json.member("file", .string(shard.fileName))
      json.member("bytes", .integer(shard.byteCount))
      json.member("hash", .string(ShardHash.text(header: shard.header, sums: tensorSums)))
      json.key("tensors")
      json.beginArray()
      for (tensor, (sum, parts)) in zip(shard.tensors, zip(tensorSums, parts)) {
        json.beginObject(isOnOneLine: true)
        json.member("name", .string(tensor.name))
        json.member("hash", .string(sum.text))
        if parts.count > 1 { json.member("parts", .integer(parts.count)) }
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
    json.endArray()
  }
}

extension JSONWriter {
  fileprivate mutating func list(_ key: String, _ values: [JSONScalar]) {
    self.key(key)
    beginArray(isOnOneLine: true)
    for value in values { self.value(value) }
    endArray()
  }
}

extension Cut {
  /// The threshold as JSON, which has no infinity: null where nothing is kept.
  fileprivate var reportedThreshold: JSONScalar {
    threshold.isFinite ? .double(Double(threshold)) : .null
  }
}
