/// Builds pickles opcode by opcode, right or wrong.
package enum PickleBytes {
  static func text(_ text: String) -> [UInt8] {
    [UInt8(ascii: "X")] + TinyTensor.littleEndian([UInt32(text.utf8.count)]) + Array(text.utf8)
  }

  static func integer(_ value: Int) -> [UInt8] {
    [0x8a, 8] + TinyTensor.littleEndian([Int64(value)])
  }

  static func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  static func tuple(_ parts: [[UInt8]]) -> [UInt8] {
    Array("(".utf8) + parts.joined() + Array("t".utf8)
  }

  static func integers(_ values: [Int]) -> [UInt8] { tuple(values.map(integer)) }

  static let emptyHooks = global("collections", "OrderedDict") + Array(")R".utf8)

  /// The identity of a storage, turned into the storage.
  static func storage(
    _ kind: [UInt8] = global("torch", "FloatStorage"), key: String = "0", count: Int = 6
  ) -> [UInt8] {
    tuple([text("storage"), kind, text(key), text("cpu"), integer(count)]) + Array("Q".utf8)
  }

  /// A tensor of two rows of three, or what is left of it.
  static func tensor(
    _ storage: [UInt8] = storage(), offset: Int = 0, _ extents: [Int] = [2, 3],
    _ strides: [Int] = [3, 1], hooks: [UInt8] = emptyHooks, more: [[UInt8]] = [],
    function: String = "_rebuild_tensor_v2"
  ) -> [UInt8] {
    let arguments = [
      storage, integer(offset), integers(extents), integers(strides), [0x89], hooks,
    ]
    return global("torch._utils", function) + tuple(arguments + more) + Array("R".utf8)
  }

  /// A whole pickle of a dictionary.
  static func dictionary(_ items: [(String, [UInt8])]) -> [UInt8] {
    whole(Array("}(".utf8) + items.flatMap { text($0.0) + $0.1 } + Array("u".utf8))
  }

  /// A whole pickle around opcodes that leave one value.
  static func whole(_ opcodes: [UInt8]...) -> [UInt8] {
    var bytes: [UInt8] = [0x80, 2]
    for part in opcodes { bytes += part }
    return bytes + ".".utf8
  }

  /// A whole PyTorch file around a pickle, with one storage of 24 bytes.
  static func file(_ pickle: [UInt8]) -> [UInt8] { zip(pickle).bytes }

  static func zip(_ pickle: [UInt8] = dictionary([("a", tensor())])) -> ZipBytes {
    ZipBytes([
      .init("m/data.pkl", pickle), .init("m/byteorder", Array("little".utf8)),
      .init("m/data/0", [UInt8](repeating: 7, count: 24)),
    ])
  }
}

extension PickleBytes {
  /// A whole PyTorch file around opcodes that leave one value.
  package static func archive(_ opcodes: [UInt8], emptyEntries: Int = 0) -> [UInt8] {
    var zip = ZipBytes([.init("m/data.pkl", whole(opcodes))])
    zip.entries += (0..<emptyEntries).map { .init("m/data/\($0)", []) }
    return zip.bytes
  }

  /// Opcodes that leave a storage's identity in the memo, at 0, and nothing on the stack but it.
  package static var memorisedStorage: [UInt8] { storage().dropLast() + Array("q\u{0}".utf8) }
}
