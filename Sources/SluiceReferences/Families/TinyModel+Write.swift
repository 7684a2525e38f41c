internal import Foundation
internal import SluiceCore

extension TinyModel {
  /// Writes the model as a checkpoint directory: config, one safetensors file or shards with index.
  package func write(to directory: String, layout: ShardingLayout = ShardingLayout()) throws {
    let folder = URL(fileURLWithPath: directory, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(config.utf8).write(to: folder.appendingPathComponent("config.json"))
    let shards = shards(of: layout)
    for shard in shards {
      let bytes = TinyModel.safetensors(
        shard.tensors, padding: layout.padding, headerOrder: layout.headerOrder)
      try Data(bytes).write(to: folder.appendingPathComponent(shard.file))
    }
    if shards.count > 1 || layout.hasIndexForOneShard {
      let size = tensors.reduce(0) { $0 + $1.bytes.count }
      let map = shards.flatMap { shard in
        shard.tensors.map { "\(TinyModel.quoted($0.name)):\(TinyModel.quoted(shard.file))" }
      }
      let index =
        "{\"metadata\":{\"total_size\":\(size)},\"weight_map\":{\(map.joined(separator: ","))}}"
      try Data(index.utf8).write(
        to: folder.appendingPathComponent("model.safetensors.index.json"))
    }
  }

  /// The bytes of one safetensors file.
  package static func safetensors(
    _ tensors: [TinyTensor], padding: ShardingLayout.Padding = .aligned,
    headerOrder: ShardingLayout.HeaderOrder = .offset
  ) -> [UInt8] {
    var entries: [(name: String, text: String)] = []
    var data: [UInt8] = []
    for tensor in tensors {
      let start = data.count
      data += tensor.bytes
      let extents = tensor.shape.dimensions.map(String.init).joined(separator: ",")
      entries.append(
        (
          tensor.name,
          "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[\(extents)],"
            + "\"data_offsets\":[\(start),\(data.count)]}"
        ))
    }
    if headerOrder == .name { entries.sort { $0.name.precedesBytewise($1.name) } }
    let texts = ["\"__metadata__\":{\"format\":\"pt\"}"] + entries.map(\.text)
    var header = Array("{\(texts.joined(separator: ","))}".utf8)
    let spaces =
      switch padding {
      case .aligned: (8 - header.count % 8) % 8
      case .none: 0
      case .odd: 1 - header.count % 2
      case .wide: 400
      }
    header += Array(repeating: UInt8(ascii: " "), count: spaces)
    return TinyTensor.littleEndian([UInt64(header.count)]) + header + data
  }

  /// The files of a layout with their tensors.
  private func shards(of layout: ShardingLayout) -> [(file: String, tensors: [TinyTensor])] {
    var ordered = tensors
    if case .shuffled(let seed) = layout.order {
      var generator = RepeatableGenerator(seed: seed)
      generator.shuffle(&ordered)
    }
    let count = max(1, min(layout.shardCount, ordered.count))
    if count == 1 { return [("model.safetensors", ordered)] }
    return (0..<count).map { shard in
      let range = ordered.count * shard / count..<ordered.count * (shard + 1) / count
      return (TinyModel.shardName(shard, of: count), Array(ordered[range]))
    }
  }

  private static func shardName(_ shard: Int, of count: Int) -> String {
    func padded(_ number: Int) -> String {
      String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)
    }
    return "model-\(padded(shard + 1))-of-\(padded(count)).safetensors"
  }

  /// A JSON string.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case _ where scalar.value < 0x20:
        let hexadecimal = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
