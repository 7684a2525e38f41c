internal import SluiceCore

/// Finds the parts of many tensors of a model: what stands at one place in all of its blocks, and in all experts of
/// these, is looked at once, as there may be ten thousands of tensors.
package struct PartFinder: Sendable {
  /// All that decides about a tensor of a block, where its neighbours do not.
  private struct Place: Hashable {
    let before: Substring
    /// Of an expert's tensor what stands between the numbers of block and expert: `.mlp.experts.`; else empty.
    let between: Substring
    let behind: Substring
    let shape: TensorShape
    let dtype: DType
  }

  private let architecture: Architecture
  /// What is known of places; nil where neighbours decide.
  private var known: [Place: TensorPart?] = [:]
  /// The linear layer that was found last: its reason names its block.
  private var last: (block: Substring, part: TensorPart)?

  /// Makes a finder that has found nothing yet.
  package init(_ architecture: Architecture) {
    self.architecture = architecture
  }

  /// The part of a tensor, with its reason: what the architecture says.
  package mutating func part(of tensor: TensorDescription) -> TensorPart {
    guard architecture.isAlikeInBlocks, tensor.shape.rank < 3, let cut = BlockName.cut(tensor.name)
    else { return architecture.part(of: tensor) }
    let (between, behind) = PartFinder.cutAtExpert(cut.behind)
    let place = Place(
      before: cut.before, between: between, behind: behind, shape: tensor.shape,
      dtype: tensor.dtype)
    guard let known = known[place] else {
      let part = architecture.part(of: tensor)
      known[place] = .some(architecture.asksNeighbours(tensor) ? nil : part)
      return part
    }
    guard let known else { return architecture.part(of: tensor) }
    guard known.kind == .linear else { return known }
    let block = tensor.name[..<cut.behind.startIndex]
    if let last, last.part.orientation == known.orientation, last.block == block {
      return last.part
    }
    let part = Architecture.linear(inBlock: String(block), known.orientation)
    last = (block, part)
    return part
  }

  /// Cuts what stands behind the number of a block at the number of an expert: `.mlp.experts.7.up_proj.weight` into
  /// `.mlp.experts.` and `.up_proj.weight`.
  private static func cutAtExpert(_ text: Substring) -> (between: Substring, behind: Substring) {
    let (bytes, word) = (text.utf8, ".experts.".utf8)
    var start = bytes.startIndex
    while let dot = bytes[start...].firstIndex(of: UInt8(ascii: ".")) {
      start = bytes.index(after: dot)
      guard bytes[dot...].starts(with: word) else { continue }
      let number = bytes.index(dot, offsetBy: word.count)
      let behind = bytes[number...].drop { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
      guard behind.startIndex > number, behind.first == UInt8(ascii: ".") else { break }
      return (text[..<number], Substring(behind))
    }
    return (text[..<text.startIndex], text)
  }
}
