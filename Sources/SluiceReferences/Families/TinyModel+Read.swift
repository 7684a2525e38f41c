internal import Foundation
internal import SluiceCore

/// Why a checkpoint cannot be read by the tests' own reader.
package struct TinyModelError: Error, Equatable {
  /// What is wrong, with the file.
  package var message: String
}

extension TinyModel {
  /// Reads a checkpoint directory back.
  ///
  /// Strict where a writer could go wrong: offsets must tile the data, sizes must fit shapes, the
  /// index must name exactly the tensors that its files hold, and every safetensors file must be in
  /// it.
  ///
  /// - Parameter directory: The path of the directory.
  /// - Returns: The model with its tensors in byte order of names.
  /// - Throws: `TinyModelError`, or Foundation's error if a file cannot be read.
  package static func read(_ directory: String) throws -> TinyModel {
    let folder = URL(fileURLWithPath: directory, isDirectory: true)
    let present = try FileManager.default.contentsOfDirectory(atPath: directory)
      .filter { $0.hasSuffix(".safetensors") }.sorted()
    var expected: [String: String]?
    let indexName = "model.safetensors.index.json"
    if FileManager.default.fileExists(atPath: folder.appendingPathComponent(indexName).path) {
      let index = try object(Data(contentsOf: folder.appendingPathComponent(indexName)), indexName)
      expected = index["weight_map"] as? [String: String]
      guard let expected, Set(expected.values) == Set(present) else {
        throw TinyModelError(message: "\(indexName) does not name the files \(present)")
      }
    } else if present != ["model.safetensors"] {
      throw TinyModelError(message: "without an index there are \(present)")
    }
    var tensors: [TinyTensor] = []
    for file in present {
      let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
      let own = try parse(bytes, file: file)
      if let expected, Set(own.map(\.name)) != Set(expected.filter { $0.value == file }.keys) {
        throw TinyModelError(message: "\(file) and the index differ in tensors")
      }
      tensors += own
    }
    guard Set(tensors.map(\.name)).count == tensors.count else {
      throw TinyModelError(message: "a tensor stands in two files")
    }
    let config = try String(
      decoding: Data(contentsOf: folder.appendingPathComponent("config.json")), as: UTF8.self)
    return TinyModel(tensors: tensors, config: config).sorted
  }

  /// Reads the bytes of one safetensors file.
  package static func parse(_ bytes: [UInt8], file: String = "file") throws -> [TinyTensor] {
    func check(_ condition: Bool, _ message: String) throws {
      if !condition { throw TinyModelError(message: "\(file): \(message)") }
    }
    try check(bytes.count >= 8, "shorter than a header")
    let length = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    try check(length <= UInt64(bytes.count - 8), "header beyond the end")
    let dataStart = 8 + Int(length)
    try check(bytes[8] == UInt8(ascii: "{"), "header does not start with {")
    var header = try object(Data(bytes[8..<dataStart]), file)
    let metadata = header.removeValue(forKey: "__metadata__") as? [String: String]
    try check(metadata?["format"] == "pt", "no metadata with the format")

    var found: [(start: Int, tensor: TinyTensor)] = []
    for (name, value) in header {
      let entry = value as? [String: Any]
      let dtype = (entry?["dtype"] as? String).flatMap { DType(rawValue: $0) }
      let shape = (entry?["shape"] as? [Int]).flatMap { TensorShape($0) }
      guard let dtype, let shape, let offsets = entry?["data_offsets"] as? [Int],
        offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1],
        offsets[1] <= bytes.count - dataStart,
        (offsets[1] - offsets[0]) * 8 == shape.elementCount * dtype.bitCount
      else { throw TinyModelError(message: "\(file): the entry of \(name)") }
      let range = dataStart + offsets[0]..<dataStart + offsets[1]
      let tensor = TinyTensor(name: name, dtype: dtype, shape: shape, bytes: Array(bytes[range]))
      found.append((offsets[0], tensor))
    }
    found.sort { ($0.start, $0.tensor.bytes.count) < ($1.start, $1.tensor.bytes.count) }
    var end = 0
    for (start, tensor) in found {
      try check(start == end, "a hole or overlap before \(tensor.name)")
      end += tensor.bytes.count
    }
    try check(dataStart + end == bytes.count, "bytes behind the last tensor")
    return found.map(\.tensor)
  }

  private static func object(_ data: Data, _ file: String) throws -> [String: Any] {
    guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw TinyModelError(message: "\(file): no JSON object")
    }
    return object
  }
}
