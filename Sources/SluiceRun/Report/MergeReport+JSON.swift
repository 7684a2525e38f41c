internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// The file format of reports, version 1 (docs/reference/report.md).
extension MergeReport {
  /// The whole report as a file that has not been published.
  ///
  /// - Throws: If it cannot be written, or there are no threads to be had.
  func file(to path: String, via directory: String) throws -> AtomicFile {
    let file = try AtomicFile(to: path, via: directory)
    // They come last, and are put together beside what comes first.
    let hashes = try Future("shards") { shardHashes }
    var json = JSONWriter(indentation: 1) { (text) throws(FormatError) in try file.append(text) }
    json.beginObject()
    json.member("version", .integer(MergeReport.version))
    json.member("sluice", .string(SluiceVersion.current))
    json.member("identity", .string(identity.hexadecimal))
    writePlan(&json)
    try writeModels(&json)
    try writeChanges(&json)
    writeWarnings(&json)
    writeTotals(&json)
    try writeShards(&json, hashes.value())
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

  /// How long lists are written.
  var threads: ReportThreads {
    // What is told of changes has a place for each pair of models.
    let pairs = models.count * models.count
    return ReportThreads(count: plan.memory.lanes, blockElements: max(1, 1024 / max(pairs, 1)))
  }

  private func writePlan(_ json: inout JSONWriter) {
    let (recipe, method) = (plan.recipe, plan.recipe.method)
    json.key("plan")
    json.beginObject()
    json.key("recipe")
    json.beginObject()
    json.member("base", .string(recipe.base))
    for row in ParameterRow.all where method.uses(row) {
      json.key(named: row.memberName)
      json.value(of: method.effective(row))
    }
    json.list("partitionRates", method.partitionRates.map { .double($0.value) })
    if let steps = recipe.steps {
      json.member("mergeMethod", .string(steps.method.name))
      json.member("rounding", .string(steps.rounding.rawValue))
    }
    // What pages that know no methods ask of them.
    json.member("cutsByMagnitude", .bool(method.cutsByMagnitude))
    json.member("electsSigns", .bool(method.merging.row.elects))
    for file in MethodInputFile.allCases {
      if let path = recipe.extraFiles[file] { json.member(named: file.rawValue, .string(path)) }
    }
    json.endObject()
    writeRun(&json)
    json.endObject()
  }

  private func writeRun(_ json: inout JSONWriter) {
    json.key("run")
    json.beginObject()
    json.member("memory", .integer(plan.options.memory.bytes))
    json.member("plannedMemory", .integer(plan.memory.totalBytes))
    json.member("lanes", .integer(plan.memory.lanes))
    json.member("chunkElements", .integer(plan.memory.chunkElements))
    json.member("outputBuffers", .integer(plan.memory.outputBuffers))
    json.member("io", .string(plan.tensors.input.mode.rawValue))
    json.member("edges", .string(plan.tensors.readEdge.isQueued ? "queued" : "fused"))
    json.member("vectorLevel", .string(plan.options.vectorLevel.name))
    json.list("passes", passes.map { .string($0.name) })
    json.endObject()
  }

  private func writeModels(_ json: inout JSONWriter) throws {
    json.key("models")
    json.beginArray()
    for (position, (model, recipe)) in zip(models, plan.recipe.models).enumerated() {
      json.beginObject()
      json.member("name", .string(model.name))
      json.member("path", .string(model.path))
      json.member("weight", .double(recipe.weight))
      for file in MethodInputFile.allCases {
        if let path = recipe.extraFiles[file] { json.member(named: file.rawValue, .string(path)) }
      }
      adapters[position]?.write(to: &json)
      json.list("factors", model.factors.map { .double(Double($0)) })
      try json.array("tensors", count: model.layers.count, on: threads) {
        model.layers.write($1, to: &$0)
      }
      json.member("requestedRate", .double(model.requestedRate))
      json.member("assignedRate", model.assignedRate.map { .double($0) } ?? .null)
      json.member("achievedRate", model.achievedRate.map { .double($0) } ?? .null)
      if let sketched = model.sketched {
        json.member("held", .double(sketched.share))
        json.member("leastHeld", .double(sketched.least))
        json.member("leastHeldTensor", .string(sketched.leastTensor))
        json.member("fewestDirections", .integer(sketched.directionCounts.lowerBound))
        json.member("mostDirections", .integer(sketched.directionCounts.upperBound))
        if let count = sketched.shortCount { json.member("shortLayers", .integer(count)) }
      }
      json.endObject()
    }
    json.endArray()
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
}

extension JSONWriter {
  /// Writes the value of a parameter.
  fileprivate mutating func value(of value: AnyParameterValue) {
    switch value {
    case .number(let number): self.value(.double(number))
    // Readers of JSON have 53 bits for numbers.
    case .integer(let number): self.value(.string("\(number)"))
    case .rank(let rank): self.value(.string(rank.text))
    case .toggle(let isOn): self.value(.bool(isOn))
    case .word(let word): self.value(.string(word))
    case .size(let size): self.value(.integer(size.bytes))
    case .patterns(let patterns):
      beginArray(isOnOneLine: true)
      for pattern in patterns { self.value(.string(pattern)) }
      endArray()
    case .none: self.value(.null)
    }
  }
}
