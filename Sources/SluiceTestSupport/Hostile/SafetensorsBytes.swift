/// Builds safetensors files byte by byte, right or wrong.
package enum SafetensorsBytes {
  /// Puts a file together.
  ///
  /// - Parameters:
  ///   - text: The JSON text of the header.
  ///   - dataByteCount: How many bytes of data follow; they count up from 0.
  ///   - length: What the prefix says; the length of the text if nil.
  /// - Returns: The file.
  package static func file(
    _ text: String, dataByteCount: Int = 0, length: UInt64? = nil
  ) -> [UInt8] {
    file(Array(text.utf8), dataByteCount: dataByteCount, length: length)
  }

  /// Puts a file together whose header need not be text.
  ///
  /// - Parameters:
  ///   - text: The bytes of the header.
  ///   - dataByteCount: How many bytes of data follow; they count up from 0.
  ///   - length: What the prefix says; the length of the text if nil.
  /// - Returns: The file.
  package static func file(
    _ text: [UInt8], dataByteCount: Int = 0, length: UInt64? = nil
  ) -> [UInt8] {
    let length = length ?? UInt64(text.count)
    let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
    return prefix + text + (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) }
  }

  /// One entry of a header.
  package static func entry(
    _ name: String, _ shape: [Int], _ start: Int, _ end: Int, dtype: String = "U8"
  ) -> String {
    let extents = shape.map { String($0) }.joined(separator: ",")
    return
      "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":[\(extents)],\"data_offsets\":[\(start),\(end)]}"
  }

  /// A correct file with U8 tensors of four bytes each.
  package static func file(withTensors names: [String]) -> [UInt8] {
    let entries = names.enumerated().map { entry($1, [4], 4 * $0, 4 * $0 + 4) }
    return file("{\(entries.joined(separator: ","))}", dataByteCount: 4 * names.count)
  }
}
