internal import SluiceDataflow
internal import SluiceFormats
internal import Synchronization

/// The pages of files that jobs have only a part of: kept until all parts are there, and written with the
/// last of them.
///
/// A part of a page goes through the page cache, for which all others that write to the file wait; whole
/// pages go around it, side by side.
final class BorderPages: Sendable {
  /// Bytes of a page, and whose they are.
  struct Part {
    /// The ordinal of the shard.
    let shard: Int
    /// Where they begin in the shard.
    let offset: Int
    /// The bytes.
    let bytes: [UInt8]
    /// The strips that they belong to.
    let strips: [StripShare]
  }

  private struct Place: Hashable {
    let shard: Int
    let page: Int
  }

  private struct State {
    var parts: [Place: [Part]] = [:]
    /// The places in `parts`, in the order in which they came.
    var places: [Place] = []

    /// Whether the other parts of a page are there.
    func isWhole(_ place: Place, with byteCount: Int) -> Bool {
      let kept = (parts[place] ?? []).reduce(0) { $0 + $1.bytes.count }
      return kept + byteCount == pageByteCount
    }

    mutating func keep(_ part: Part, at place: Place) {
      if parts[place] == nil { places.append(place) }
      parts[place, default: []].append(part)
    }

    mutating func remove(_ place: Place) {
      parts[place] = nil
      places.removeAll { $0 == place }
    }
  }

  private static let pageByteCount = ShardLayout.alignment
  /// How many pages are kept: more than there are lanes with neighbours at hand, as a rule.
  private static let pageLimit = 64

  private let state = Mutex(State())

  /// Gives a job what others have of the pages at its ends, or takes from it what it has of them.
  ///
  /// - Parameters:
  ///   - job: The job; it may have nothing left to write.
  ///   - whole: The bytes of the shard that lie in pages of which each byte is some job's.
  /// - Returns: What is to be written, too, as it was kept for long enough.
  func fit(_ job: inout WriteJob, within whole: Range<Int>) -> [Part] {
    guard job.scattering == nil else { return [] }
    return state.withLock { state in
      if job.byteCount > 0 { BorderPages.fitFront(&job, whole, &state) }
      if job.byteCount > 0 { BorderPages.fitBack(&job, whole, &state) }
      var late: [Part] = []
      while state.places.count > BorderPages.pageLimit {
        late += state.parts.removeValue(forKey: state.places.removeFirst()) ?? []
      }
      return late
    }
  }

  /// All that is kept, to be written as it is.
  func takeAll() -> [Part] {
    state.withLock { state in
      defer { state = State() }
      return state.places.flatMap { state.parts[$0] ?? [] }
    }
  }

  private static func fitFront(_ job: inout WriteJob, _ whole: Range<Int>, _ state: inout State) {
    let page = job.offset / pageByteCount
    let pageEnd = (page + 1) * pageByteCount
    guard job.offset % pageByteCount > 0, page * pageByteCount >= whole.lowerBound,
      pageEnd <= whole.upperBound
    else { return }
    let place = Place(shard: job.shard, page: page)
    let byteCount = min(pageEnd, job.endOffset) - job.offset
    if state.isWhole(place, with: byteCount) {
      if job.take(before: state.parts[place] ?? []) { state.remove(place) }
    } else {
      state.keep(job.removeFirst(byteCount), at: place)
    }
  }

  private static func fitBack(_ job: inout WriteJob, _ whole: Range<Int>, _ state: inout State) {
    let page = job.endOffset / pageByteCount
    let start = page * pageByteCount
    guard job.endOffset > start, job.offset <= start, start >= whole.lowerBound,
      start + pageByteCount <= whole.upperBound
    else { return }
    let place = Place(shard: job.shard, page: page)
    let byteCount = job.endOffset - start
    if state.isWhole(place, with: byteCount) {
      if job.take(after: state.parts[place] ?? []) { state.remove(place) }
    } else {
      state.keep(job.removeLast(byteCount), at: place)
    }
  }
}
