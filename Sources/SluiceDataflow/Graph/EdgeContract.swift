/// How an edge between two stages is crossed: a value given where they are connected.
///
/// The graph is the same with either, and so are the results.
package enum EdgeContract: Sendable, Hashable {
  /// By a call: one node makes an element and works on it before it makes the next.
  case fused
  /// Through a channel that holds so many bytes at most: one node makes elements ahead while another
  /// works.
  case queued(byteBound: Int)

  /// The name, for plans and reports.
  package var name: String { self == .fused ? "fused" : "queued" }
}

/// What crosses edges.
package protocol EdgeElement: Sendable {
  /// The bytes of what it brings.
  var byteCount: Int { get }
  /// The bytes that it holds until it is dropped, what they are aligned to included.
  var heldByteCount: Int { get }
  /// Gives back what it holds, as dropping it does; for who has worked on it.
  consuming func giveBack()
}

extension EdgeElement {
  package var heldByteCount: Int { byteCount }
  package consuming func giveBack() {}
}

/// What crossed an edge.
package struct EdgeMetrics: Sendable, Hashable {
  /// The name of the edge.
  package let name: String
  /// How it was crossed.
  package let contract: EdgeContract
  /// How many elements crossed it.
  package let elementCount: Int
  /// The bytes that these brought.
  package let byteCount: Int
  /// The most bytes that waited in the channel at one time.
  package let peakByteCount: Int
}
