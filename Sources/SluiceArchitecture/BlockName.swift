/// The names of the numbered blocks of a model.
package enum BlockName {
  /// What stands before the number of a block: `layers` (Llama, Bart, Mamba), `h` (GPT-2, Bloom),
  /// `blocks` (timm, RWKV), `layer` (BERT, ViT), `block` (T5), `resblocks` (OpenAI's CLIP).
  private static let groups = ["layers", "h", "blocks", "layer", "block", "resblocks"]

  /// The block that a tensor is part of.
  ///
  /// - Parameter tensor: The tensor's name, such as `model.layers.3.mlp.up_proj.weight`.
  /// - Returns: The name up to the number of the block (`model.layers.3`); the whole name for a
  ///   tensor outside all blocks, which is a block of its own.
  package static func block(of tensor: String) -> String {
    guard let number = numberRange(in: tensor) else { return tensor }
    let end = tensor.utf8.index(tensor.startIndex, offsetBy: number.upperBound)
    return String(tensor[..<end])
  }

  /// What follows the number of the block: `mlp.up_proj.weight`.
  ///
  /// - Parameter tensor: The tensor's name.
  /// - Returns: The rest of the name; nil for a tensor outside all blocks.
  package static func rest(of tensor: String) -> String? {
    guard let number = numberRange(in: tensor) else { return nil }
    let start = tensor.utf8.index(tensor.startIndex, offsetBy: number.upperBound + 1)
    return String(tensor[start...])
  }

  /// Whether a tensor is part of a numbered block.
  ///
  /// - Parameter tensor: The tensor's name.
  /// - Returns: Whether more of the name follows the number of a block.
  package static func isInBlock(_ tensor: String) -> Bool {
    numberRange(in: tensor) != nil
  }

  /// The number of the block that a tensor is part of.
  ///
  /// - Parameter tensor: The tensor's name.
  /// - Returns: The number; nil outside of blocks, and if it does not fit an `Int`.
  package static func number(of tensor: String) -> Int? {
    guard let range = numberRange(in: tensor) else { return nil }
    return Int(
      String(decoding: tensor.utf8.dropFirst(range.lowerBound).prefix(range.count), as: UTF8.self))
  }

  /// The bytes of the first part of a name that is a number after the name of a group of blocks; nil
  /// if nothing follows it.
  private static func numberRange(in tensor: String) -> Range<Int>? {
    let text = tensor.utf8.span
    var followsGroup = false
    var start = 0
    while true {
      var end = start
      var isNumber = true
      while end < text.count, text[end] != UInt8(ascii: ".") {
        isNumber = isNumber && UInt8(ascii: "0")...UInt8(ascii: "9") ~= text[end]
        end += 1
      }
      if followsGroup, isNumber, end > start { return end < text.count ? start..<end : nil }
      guard end < text.count else { return nil }
      followsGroup = groups.contains { isEqual(text, start..<end, $0.utf8.span) }
      start = end + 1
    }
  }

  private static func isEqual(
    _ text: borrowing Span<UInt8>, _ range: Range<Int>, _ other: borrowing Span<UInt8>
  ) -> Bool {
    guard range.count == other.count else { return false }
    var position = 0
    while position < other.count {
      guard text[range.lowerBound + position] == other[position] else { return false }
      position += 1
    }
    return true
  }
}
