internal import SluiceCore

/// Where a tensor stands in a block, and of an expert in that: all that decides about it where its neighbours do not.
struct BlockPlace: Sendable {
  private let name: String
  private let shape: TensorShape
  private let dtype: DType
  /// The bytes of the block's number.
  private let number: Range<Int>
  /// Those of the expert's number, of an expert's tensor.
  private let expert: Range<Int>?

  /// Finds the place of a tensor; nil outside of blocks.
  init?(_ tensor: TensorDescription) {
    guard let number = BlockName.numberRange(in: tensor.name) else { return nil }
    (name, shape, dtype) = (tensor.name, tensor.shape, tensor.dtype)
    self.number = number
    expert = BlockPlace.expert(in: tensor.name, from: number.upperBound)
  }

  /// The name up to the number of the block: `model.layers.3`.
  var block: String { String(decoding: name.utf8.prefix(number.upperBound), as: UTF8.self) }

  /// Whether the tensor is part of a block.
  func isInBlock(_ block: String) -> Bool {
    let (bytes, other) = (name.utf8.span, block.utf8.span)
    return other.count == number.upperBound
      && BlockPlace.isEqual(bytes, 0..<number.upperBound, other, at: 0)
  }

  /// Whether another tensor stands at the same place, if in another block, or of another expert.
  func isAlike(_ other: BlockPlace) -> Bool {
    let (own, others) = (name.utf8.span, other.name.utf8.span)
    let (rest, otherRest) = (
      expert?.upperBound ?? number.upperBound, other.expert?.upperBound ?? other.number.upperBound
    )
    let (between, otherBetween) = (
      number.upperBound..<(expert?.lowerBound ?? number.upperBound),
      other.number.upperBound..<(other.expert?.lowerBound ?? other.number.upperBound)
    )
    // What is behind differs first.
    return own.count - rest == others.count - otherRest && between.count == otherBetween.count
      && number.lowerBound == other.number.lowerBound
      && BlockPlace.isEqual(own, rest..<own.count, others, at: otherRest)
      && BlockPlace.isEqual(own, between, others, at: otherBetween.lowerBound)
      && BlockPlace.isEqual(own, 0..<number.lowerBound, others, at: 0)
      && dtype == other.dtype && shape == other.shape
  }

  private static func isEqual(
    _ bytes: borrowing Span<UInt8>, _ range: Range<Int>, _ others: borrowing Span<UInt8>,
    at start: Int
  ) -> Bool {
    var offset = 0
    while offset < range.count {
      guard bytes[range.lowerBound + offset] == others[start + offset] else { return false }
      offset += 1
    }
    return true
  }

  /// The number of an expert behind the number of a block: that of `.mlp.experts.7.up_proj.weight`.
  private static func expert(in name: String, from start: Int) -> Range<Int>? {
    let bytes = name.utf8.span
    let word = experts.utf8.span
    var position = start
    while position + word.count < bytes.count {
      guard bytes[position] == UInt8(ascii: "."), isEqual(word, 0..<word.count, bytes, at: position)
      else {
        position += 1
        continue
      }
      let first = position + word.count
      var end = first
      while end < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[end] { end += 1 }
      guard end > first, end < bytes.count, bytes[end] == UInt8(ascii: ".") else { return nil }
      return first..<end
    }
    return nil
  }

  private static let experts = ".experts."
}
