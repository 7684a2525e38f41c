internal import SluiceRecipe
internal import SluiceCore
package import SluiceFormats

/// The form of explanations in files: the value of `explanation` in reports, and what
/// `sluice plan --json` prints (docs/reference/plan.md).
extension PlanExplanation {
  /// Writes the explanation as an object.
  package func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("actual", .bool(isActual))
    json.member("fingerprint", .string(fingerprint))
    json.list("models", zip(modelNames, modelPaths)) { json, model in
      json.member("name", .string(model.0))
      json.member("path", .string(model.1))
    }
    json.list("stages", stages) { json, stage in
      json.member("name", .string(stage.name))
      json.member("settings", .string(stage.settings))
    }
    writeRoles(&json)
    json.list("passes", passes, isOnOneLine: false) { $1.write(to: &$0) }
    json.list("memory", memory) { json, part in
      json.member("name", .string(part.name))
      json.member("count", .integer(part.count))
      json.member("bytes", .integer(part.byteCount))
    }
    json.member("memoryLimit", .integer(memoryLimit))
    json.member("smallestMemory", .integer(smallestMemory))
    json.member("peakMemory", .integer(peakMemory))
    json.key("input")
    json.beginObject(isOnOneLine: true)
    json.member("mode", .string(input))
    json.member("reason", .string(inputReason))
    json.endObject()
    json.key("edges")
    json.beginObject(isOnOneLine: true)
    json.member("contract", .string(edges))
    json.member("reason", .string(edgesReason))
    json.endObject()
    json.key("spill")
    json.beginObject(isOnOneLine: true)
    json.member("codec", .string(spillCodec))
    json.member("reason", .string(spillReason))
    json.endObject()
    json.member("output", .string(output))
    json.member("files", .integer(fileCount))
    json.member("bytesNeeded", .integer(bytesNeeded))
    json.member("bytesFree", .integer(bytesFree))
    if let speed {
      json.key("speed")
      json.beginObject(isOnOneLine: true)
      for (name, rate) in [
        ("disk", speed.disk), ("cache", speed.cache), ("counting", speed.counting),
        ("merging", speed.merging), ("writing", speed.writing),
      ] { json.member(named: name, .double(rate.rounded())) }
      json.member("cachedShare", .double(speed.cachedShare.inMilliseconds))
      json.endObject()
    }
    json.member("seconds", .double(seconds.inMilliseconds))
    if isLowerBound { json.member("lowerBound", .bool(true)) }
    json.endObject()
  }

  /// Takes what the member `explanation` of a report says.
  package init(_ tree: JSONTree) {
    self.init()
    isActual = tree["actual"]?.flag ?? false
    fingerprint = tree["fingerprint"]?.text ?? ""
    modelNames = (tree["models"]?.list ?? []).map { $0["name"]?.text ?? "" }
    modelPaths = (tree["models"]?.list ?? []).map { $0["path"]?.text ?? "" }
    stages = (tree["stages"]?.list ?? []).map {
      Stage(name: $0["name"]?.text ?? "", settings: $0["settings"]?.text ?? "")
    }
    readRoles(tree)
    passes = (tree["passes"]?.list ?? []).map(Pass.init)
    memory = (tree["memory"]?.list ?? []).map {
      MemoryPart(
        name: $0["name"]?.text ?? "", count: $0["count"]?.count ?? 0,
        byteCount: $0["bytes"]?.count ?? 0)
    }
    memoryLimit = tree["memoryLimit"]?.count ?? 0
    smallestMemory = tree["smallestMemory"]?.count ?? 0
    peakMemory = tree["peakMemory"]?.count ?? 0
    input = tree["input"]?["mode"]?.text ?? ""
    inputReason = tree["input"]?["reason"]?.text ?? ""
    edges = tree["edges"]?["contract"]?.text ?? ""
    edgesReason = tree["edges"]?["reason"]?.text ?? ""
    spillCodec = tree["spill"]?["codec"]?.text ?? ""
    spillReason = tree["spill"]?["reason"]?.text ?? ""
    output = tree["output"]?.text ?? ""
    fileCount = tree["files"]?.count ?? 0
    bytesNeeded = tree["bytesNeeded"]?.count ?? 0
    bytesFree = tree["bytesFree"]?.integer ?? -1
    seconds = tree["seconds"]?.double ?? 0
  }
}

extension PlanExplanation.Pass {
  fileprivate func write(to json: inout JSONWriter) {
    json.member("name", .string(name))
    json.member("reason", .string(reason))
    json.member("conditional", .bool(isConditional))
    json.member("tensors", .integer(tensorCount))
    json.member("bytesRead", .integer(bytesRead))
    json.member("bytesSpilled", .integer(bytesSpilled))
    json.member("bytesWritten", .integer(bytesWritten))
    json.member("seconds", .double(seconds.inMilliseconds))
    if !bound.isEmpty { json.member("bound", .string(bound)) }
    json.list("segments", segments) { json, segment in
      json.member("node", .string(segment.node))
      json.member("moves", .string(segment.kind.bytes.rawValue))
      json.member("count", .integer(segment.count))
      json.key("stages")
      json.beginArray()
      for stage in segment.stages { json.value(.string(stage)) }
      json.endArray()
      if let channel = segment.channel {
        json.key("channel")
        json.beginObject()
        json.member("name", .string(channel.name))
        json.member("count", .integer(channel.count))
        json.member("byteBound", .integer(channel.byteBound))
        if let actual = channel.actual {
          json.member("elements", .integer(actual.elementCount))
          json.member("bytes", .integer(actual.byteCount))
          json.member("sendersWaited", .double(actual.senderSeconds.inMilliseconds))
          json.member("receiversWaited", .double(actual.receiverSeconds.inMilliseconds))
        }
        json.endObject()
      }
      guard let actual = segment.actual else { return }
      json.key("actual")
      json.beginObject()
      json.member("busy", .double(actual.busySeconds.inMilliseconds))
      json.member("waitedForInput", .double(actual.inputSeconds.inMilliseconds))
      json.member("waitedForOutput", .double(actual.outputSeconds.inMilliseconds))
      json.member("waitedForMemory", .double(actual.memorySeconds.inMilliseconds))
      json.member("bytes", .integer(actual.byteCount))
      json.endObject()
    }
  }

  fileprivate init(_ tree: JSONTree) {
    name = tree["name"]?.text ?? ""
    reason = tree["reason"]?.text ?? ""
    isConditional = tree["conditional"]?.flag ?? false
    tensorCount = tree["tensors"]?.count ?? 0
    bytesRead = tree["bytesRead"]?.count ?? 0
    bytesSpilled = tree["bytesSpilled"]?.count ?? 0
    bytesWritten = tree["bytesWritten"]?.count ?? 0
    seconds = tree["seconds"]?.double ?? 0
    bound = tree["bound"]?.text ?? ""
    segments = (tree["segments"]?.list ?? []).map { segment in
      PlanExplanation.Segment(
        kind: NodeKind(
          segment["node"]?.text ?? "",
          bytes: NodeKind.Bytes(rawValue: segment["moves"]?.text ?? "") ?? .input),
        count: segment["count"]?.count ?? 0,
        stages: (segment["stages"]?.list ?? []).map(\.text),
        channel: segment["channel"].map(PlanExplanation.Channel.init),
        actual: segment["actual"].map {
          PlanExplanation.SegmentActual(
            busySeconds: $0["busy"]?.double ?? 0, inputSeconds: $0["waitedForInput"]?.double ?? 0,
            outputSeconds: $0["waitedForOutput"]?.double ?? 0,
            memorySeconds: $0["waitedForMemory"]?.double ?? 0,
            byteCount: $0["bytes"]?.count ?? 0)
        })
    }
  }
}

extension PlanExplanation.Channel {
  fileprivate init(_ tree: JSONTree) {
    name = tree["name"]?.text ?? ""
    count = tree["count"]?.count ?? 0
    byteBound = tree["byteBound"]?.count ?? 0
    actual = tree["elements"].map { elements in
      PlanExplanation.ChannelActual(
        elementCount: elements.count, byteCount: tree["bytes"]?.count ?? 0,
        senderSeconds: tree["sendersWaited"]?.double ?? 0,
        receiverSeconds: tree["receiversWaited"]?.double ?? 0)
    }
  }
}

extension JSONWriter {
  fileprivate mutating func list<Items: Sequence>(
    _ key: StaticString, _ items: Items, isOnOneLine: Bool = true,
    _ body: (inout JSONWriter, Items.Element) -> Void
  ) {
    self.key(key)
    beginArray()
    for item in items {
      beginObject(isOnOneLine: isOnOneLine)
      body(&self, item)
      endObject()
    }
    endArray()
  }
}

extension Double {
  fileprivate var inMilliseconds: Double { (self * 1000).rounded() / 1000 }
}
