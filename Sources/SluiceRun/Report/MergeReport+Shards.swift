internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceStages

/// The files of the merged model and their hashes, as reports have them (docs/reference/report.md).
extension MergeReport {
  /// The hashes of all shards.
  var shardHashes: [HashedShard] {
    let (tasks, own) = (plan.tasks, sums.all)
    return zip(plan.layout.shards, tasksOfShards()).map { shard, parts in
      let sums = parts.sums(own, tasks)
      return HashedShard(
        parts: parts, sums: sums, hash: ShardHash.text(header: shard.header, sums: sums))
    }
  }

  func writeShards(_ json: inout JSONWriter, _ hashes: [HashedShard]) throws {
    json.key("shards")
    json.beginArray()
    let tasks = plan.tasks
    for (shard, hashed) in zip(plan.layout.shards, hashes) {
      json.beginObject()
      json.member("file", .string(shard.fileName))
      json.member("bytes", .integer(shard.byteCount))
      json.member("hash", .string(hashed.hash))
      let tensors = shard.tensors
      try json.array("tensors", count: tensors.count, on: threads) { json, range in
        for position in range {
          json.beginObject(isOnOneLine: true)
          json.member("name", tensors[position].name)
          json.member("hash", hashed.sums[position].text)
          let (count, first) = hashed.parts.own(position)
          if count > 1 { json.member("parts", count) }
          if let layout = first.flatMap({ tasks[$0].stack?.layout }) {
            json.member("layout", layout.rawValue)
          }
          json.endObject()
        }
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

/// The hashes of a shard and of its tensors.
struct HashedShard: Sendable {
  fileprivate let parts: TensorParts
  fileprivate let sums: [BlockSum]
  fileprivate let hash: String
}

/// For each tensor of a shard the positions of its tasks.
private enum TensorParts: Sendable {
  /// One each.
  case one([Int])
  /// As many as there are layers in it.
  case several([[Int]])

  /// How many tasks a tensor has, and the position of the first.
  func own(_ tensor: Int) -> (count: Int, first: Int?) {
    switch self {
    case .one(let positions): (1, positions[tensor])
    case .several(let positions): (positions[tensor].count, positions[tensor].first)
    }
  }

  /// The sums of the tensors, from those of all tasks.
  func sums(_ all: [BlockSum], _ tasks: [TensorTask]) -> [BlockSum] {
    switch self {
    case .one(let positions): positions.map { all[tasks[$0].ordinal] }
    case .several(let positions):
      positions.map { own in BlockSum(parts: own.map { all[tasks[$0].ordinal] }) }
    }
  }
}
