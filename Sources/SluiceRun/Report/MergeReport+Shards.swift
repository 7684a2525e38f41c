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
    let tasks = plan.tasks
    for (shard, parts) in zip(plan.layout.shards, tasksOfShards()) {
      let tensorSums = shard.tensors.indices.map { position in
        BlockSum(parts: parts[position].map { sums.sum(of: tasks[$0].ordinal) })
      }
      json.beginObject()
      json.member("file", .string(shard.fileName))
      json.member("bytes", .integer(shard.byteCount))
      json.member("hash", .string(ShardHash.text(header: shard.header, sums: tensorSums)))
      let tensors = shard.tensors
      try json.array("tensors", of: Array(tensors.indices), on: threads) { json, position in
        let parts = parts[position]
        json.beginObject(isOnOneLine: true)
        json.member("name", tensors[position].name)
        json.member("hash", tensorSums[position].text)
        if parts.count > 1 { json.member("parts", .integer(parts.count)) }
        if let layout = parts.first.flatMap({ tasks[$0].stack?.layout }) {
          json.member("layout", .string(layout.rawValue))
        }
        json.endObject()
      }
      json.endObject()
    }
    json.endArray()
  }

  /// For each tensor of each shard the positions of its tasks.
  private func tasksOfShards() -> [TensorParts] {
    let (shards, tasks) = (plan.layout.shards, plan.tasks)
    if let places = placesOfTasks() { return places }
    let own = Dictionary(grouping: tasks.indices) { tasks[$0].stack?.tensor ?? tasks[$0].name }
    return shards.map { shard in
      .several(
        shard.tensors.map { tensor in
          (own[tensor.name] ?? []).sorted {
            (tasks[$0].stack?.index ?? 0) < (tasks[$1].stack?.index ?? 0)
          }
        })
    }
  }

  /// The same by where tasks put their bytes, as there may be ten thousands of them; nil if not every tensor is found
  /// in this way, and by its name.
  private func placesOfTasks() -> [TensorParts]? {
    let (shards, tasks) = (plan.layout.shards, plan.tasks)
    // Those of a shard in the order of their bytes are its tensors.
    var positions = [[Int]](repeating: [], count: shards.count)
    for index in tasks.indices where tasks[index].elementCount > 0 {
      positions[tasks[index].outputShard].append(index)
    }
    for shard in shards.indices {
      let own = positions[shard].map { (offset: tasks[$0].outputOffset, index: $0) }
        .sorted { $0.offset < $1.offset }
      guard
        own.elementsEqual(
          shards[shard].tensors,
          by: { place, tensor in
            let task = tasks[place.index]
            return place.offset == tensor.byteRange.lowerBound && task.stack == nil
              && task.name == tensor.name
          })
      else { return nil }
      positions[shard] = own.map(\.index)
    }
    return positions.map { .one($0) }
  }
}

/// For each tensor of a shard the positions of its tasks.
private enum TensorParts: Sendable {
  /// One each.
  case one([Int])
  /// As many as there are layers in it.
  case several([[Int]])

  subscript(tensor: Int) -> [Int] {
    switch self {
    case .one(let positions): [positions[tensor]]
    case .several(let positions): positions[tensor]
    }
  }
}
