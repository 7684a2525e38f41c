import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Pages that several jobs write a part of") struct BorderPageTests {
  /// A file that is written byte by byte, at most once each.
  private struct Written {
    var bytes: [UInt8?]
    /// How many bytes of each strip.
    var strips: [Int: Int] = [:]
    var ranges: [Range<Int>] = []

    mutating func write(_ own: [UInt8], at offset: Int, _ shares: some Collection<StripShare>) {
      for (index, byte) in own.enumerated() {
        #expect(bytes[offset + index] == nil)
        bytes[offset + index] = byte
      }
      for share in shares { strips[share.strip, default: 0] += share.byteCount }
      #expect(shares.reduce(0) { $0 + $1.byteCount } == own.count)
      if !own.isEmpty { ranges.append(offset..<offset + own.count) }
    }
  }

  private let page = ShardLayout.alignment

  /// Jobs of several strips each that lie one after the other, in an order of their own.
  private func jobs(
    _ content: [UInt8], ends: [Int], order: [Int], pool: BufferPool
  ) throws -> [WriteJob] {
    let starts = [0] + ends.dropLast()
    return try order.map { index in
      let (start, end) = (starts[index], ends[index])
      let lead = start % page
      var job = WriteJob(buffer: try pool.take(), range: lead..<lead, shard: 0, offset: start)
      job.buffer.bytes[lead..<lead + end - start].copyBytes(from: content[start..<end])
      let first = (end - start + 1) / 3
      if first > 0 { job.add(first, of: 2 * index) }
      job.add(end - start - first, of: 2 * index + 1)
      return job
    }
  }

  private func run(
    _ content: [UInt8], ends: [Int], order: [Int], whole: Range<Int>
  ) throws -> Written {
    let pool = try BufferPool(
      count: ends.count, byteCount: content.count.roundedUp(to: page) + page,
      cancellation: Cancellation())
    var written = Written(bytes: Array(repeating: nil, count: content.count))
    let borders = BorderPages()
    for job in try jobs(content, ends: ends, order: order, pool: pool) {
      var job = job
      let late = borders.fit(&job, within: whole)
      written.write(Array(job.buffer.bytes[job.range]), at: job.offset, job.strips)
      for part in late { written.write(part.bytes, at: part.offset, part.strips) }
    }
    for part in borders.takeAll() { written.write(part.bytes, at: part.offset, part.strips) }
    #expect(borders.takeAll().isEmpty)
    let isSame = written.bytes == content
    #expect(isSame)
    let starts = [0] + ends.dropLast()
    for (index, (start, end)) in zip(starts, ends).enumerated() {
      #expect((written.strips[2 * index] ?? 0) == (end - start + 1) / 3)
      #expect((written.strips[2 * index + 1] ?? 0) == end - start - (end - start + 1) / 3)
    }
    return written
  }

  @Test("whatever the jobs and their order, each whole page is written at once", arguments: 0..<40)
  func anyJobs(seed: UInt64) throws {
    var random = RepeatableGenerator(seed: seed)
    let count = 40_000 + Int(seed)
    let content = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    let jobCount = [2, 5, 20, 60][Int(seed % 4)]
    let cuts = Set((1..<jobCount).map { _ in Int.random(in: 1..<count, using: &random) })
    let ends = cuts.sorted() + [count]
    let order = ends.indices.shuffled(using: &random)
    // As behind a header that ends in the second page.
    let whole = 2 * page..<count.roundedDown(to: page)
    let written = try run(content, ends: ends, order: order, whole: whole)
    for range in written.ranges where range.overlaps(whole) {
      let inside = range.clamped(to: whole)
      #expect(inside.lowerBound % page == 0 && inside.upperBound % page == 0, "\(range)")
    }
  }

  @Test("pages whose other parts do not come are written at some time") func limit() throws {
    let count = 200 * page
    let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7) }
    let ends = (1...200).map { $0 < 200 ? $0 * page + 100 : count }
    // Every other job first, so that no two neighbours meet.
    let order = Array(stride(from: 0, to: 200, by: 2)) + Array(stride(from: 199, to: 0, by: -2))
    let written = try run(content, ends: ends, order: order, whole: 0..<count)
    // Those that were kept are joined, of the others each has two parts.
    #expect((200..<300).contains(written.ranges.count { $0.count < page }))
  }
}
