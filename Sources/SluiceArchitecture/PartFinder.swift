internal import SluiceCore

/// Finds the parts of many tensors of a model: what stands at one place in all of its blocks, and in all experts of
/// these, is looked at once, as there may be ten thousands of tensors.
package struct PartFinder: Sendable {
  private let architecture: Architecture
  /// The places of which something is known.
  private var places: [BlockPlace] = []
  /// What is known of each; no part where neighbours decide.
  private var parts: [TensorPart?] = []
  /// Where the place is expected that is asked for next: places mostly follow each other as in the block before.
  private var expected = 0
  /// The linear layer that was found last: its reason names its block.
  private var last: (block: String, part: TensorPart)?

  /// Of how many places something is known at once: more than a block has.
  private static let mostPlaces = 64

  /// Makes a finder that has found nothing yet.
  package init(_ architecture: Architecture) {
    self.architecture = architecture
  }

  /// The part of a tensor, with its reason: what the architecture says.
  package mutating func part(of tensor: TensorDescription) -> TensorPart {
    guard architecture.isAlikeInBlocks, tensor.shape.rank < 3, let place = BlockPlace(tensor) else {
      return architecture.part(of: tensor)
    }
    guard let index = index(of: place) else {
      let part = architecture.part(of: tensor)
      note(place, architecture.asksNeighbours(tensor) ? nil : part)
      return part
    }
    expected = index + 1
    guard let known = parts[index] else { return architecture.part(of: tensor) }
    guard known.kind == .linear else { return known }
    if let last, last.part.orientation == known.orientation, place.isInBlock(last.block) {
      return last.part
    }
    let block = place.block
    let part = Architecture.linear(inBlock: block, known.orientation)
    last = (block, part)
    return part
  }

  private func index(of place: BlockPlace) -> Int? {
    var index = expected
    let places = places.span
    for _ in 0..<places.count {
      if index >= places.count { index = 0 }
      if places[index].isAlike(place) { return index }
      index += 1
    }
    return nil
  }

  private mutating func note(_ place: BlockPlace, _ part: TensorPart?) {
    guard places.count == PartFinder.mostPlaces else {
      places.append(place)
      parts.append(part)
      expected = places.count
      return
    }
    if expected >= places.count { expected = 0 }
    (places[expected], parts[expected]) = (place, part)
    expected += 1
  }
}
