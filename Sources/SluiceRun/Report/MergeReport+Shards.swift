internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceStages

/// The files of the merged model and their hashes, as reports have them (docs/reference/report.md).
extension MergeReport {
  func writeShards(_ json: inout JSONWriter) throws {
    json.key("shards")
    json.beginArray()
    for (shard, parts) in zip(plan.layout.shards, tasksOfShards()) {
      let tensorSums = parts.map { own in
        BlockSum(parts: own.map { sums.sum(of: plan.tasks[$0].ordinal) })
      }
      json.beginObject()
      json.member("file", .string(shard.fileName))
      json.member("bytes", .integer(shard.byteCount))
      json.member("hash", .string(ShardHash.text(header: shard.header, sums: tensorSums)))
      let positions = Array(shard.tensors.indices)
      try json.array("tensors", of: positions, on: threads) { json, position in
        let parts = parts[position]
        json.beginObject(isOnOneLine: true)
        json.member("name", .string(shard.tensors[position].name))
        json.member("hash", .string(tensorSums[position].text))
        if parts.count > 1 { json.member("parts", .integer(parts.count)) }
        if let layout = parts.first.flatMap({ plan.tasks[$0].stack?.layout }) {
          json.member("layout", .string(layout.rawValue))
        }
        json.endObject()
      }
      json.endObject()
    }
    json.endArray()
  }

  /// For each tensor of each shard the positions of its tasks.
  private func tasksOfShards() -> [[[Int]]] {
    let (shards, tasks) = (plan.layout.shards, plan.tasks)
    if let places = placesOfTasks() { return places }
    let own = Dictionary(grouping: tasks.indices) { tasks[$0].stack?.tensor ?? tasks[$0].name }
    return shards.map { shard in
      shard.tensors.map { tensor in
        (own[tensor.name] ?? []).sorted {
          (tasks[$0].stack?.index ?? 0) < (tasks[$1].stack?.index ?? 0)
        }
      }
    }
  }

  /// The same by where tasks put their bytes, as there may be ten thousands of them; nil if not every tensor is found
  /// in this way, and by its name.
  private func placesOfTasks() -> [[[Int]]]? {
    let (shards, tasks) = (plan.layout.shards, plan.tasks)
    var positions = shards.map { shard in
      var own: [Int: Int] = [:]
      own.reserveCapacity(shard.tensors.count)
      return own
    }
    for index in tasks.indices where tasks[index].elementCount > 0 {
      positions[tasks[index].outputShard][tasks[index].outputOffset] = index
    }
    var found: [[[Int]]] = []
    for (shard, positions) in zip(shards, positions) {
      var own: [[Int]] = []
      own.reserveCapacity(shard.tensors.count)
      for index in shard.tensors.indices {
        guard let task = positions[shard.tensors[index].byteRange.lowerBound],
          tasks[task].stack == nil, tasks[task].name == shard.tensors[index].name
        else { return nil }
        own.append([task])
      }
      found.append(own)
    }
    return found
  }
}
