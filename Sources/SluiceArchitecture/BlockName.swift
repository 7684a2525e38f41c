internal import SluiceCore

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

  /// A name in a numbered block, taken apart.
  package struct Parts: Sendable, Hashable {
    /// What stands before the number: `model.layers.`.
    package let before: String
    /// The number.
    package let number: Int
    /// What stands behind it: `.mlp.up_proj.weight`.
    package let behind: String

    /// The name that the tensor has in another block.
    ///
    /// - Parameter number: The number of the block.
    /// - Returns: The name.
    package func name(in number: Int) -> String { "\(before)\(number)\(behind)" }
  }

  /// Takes a name apart.
  ///
  /// - Parameter tensor: The tensor's name.
  /// - Returns: Its parts; nil outside of blocks, and if the number does not fit an `Int`.
  package static func parts(of tensor: String) -> Parts? {
    guard let range = numberRange(in: tensor), let number = number(of: tensor) else { return nil }
    let bytes = tensor.utf8
    return Parts(
      before: String(decoding: bytes.prefix(range.lowerBound), as: UTF8.self), number: number,
      behind: String(decoding: bytes.dropFirst(range.upperBound), as: UTF8.self))
  }

  /// Whether a tensor outside of blocks works on what the last of them gives.
  ///
  /// That is the norm behind them, and a head. Embeddings, with norms of their own, come before the first.
  ///
  /// - Parameter tensor: The tensor's name.
  /// - Returns: Whether it comes behind; false in a block.
  package static func isBehindBlocks(_ tensor: String) -> Bool {
    guard !isInBlock(tensor) else { return false }
    let name = tensor.lowercased()
    guard !["embed", "wte", "wpe"].contains(where: { name.contains(bytesOf: $0) }) else {
      return name.hasSuffix("embed_out.weight")
    }
    return HeadNames.isHead(tensor)
      || ["norm", "ln_f", "head", "score", "output"].contains {
        name.contains(bytesOf: $0)
      }
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
  static func numberRange(in tensor: String) -> Range<Int>? {
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
