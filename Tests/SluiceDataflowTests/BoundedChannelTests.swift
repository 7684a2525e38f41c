@testable import SluiceDataflow
import Testing

@Suite("BoundedChannel") struct BoundedChannelTests {
  @Test(
    "many senders and receivers move each element once, in order for each sender",
    arguments: [1, 2, 7, 64])
  func stress(byteBound: Int) throws {
    let senders = 4
    let perSender = 1_500
    let channel = BoundedChannel<Int>(
      byteBound: byteBound, cancellation: Cancellation(), name: "numbers")
    let received = Collected<[Int]>()
    let open = Monitor(senders)
    try runThreads(8) { number in
      do {
        if number < senders {
          for item in 0..<perSender { try channel.send(number * perSender + item) }
          let isLast = open.withLock { open in
            open -= 1
            return open == 0
          }
          if isLast { channel.close() }
        } else {
          var mine: [Int] = []
          while let item = try channel.receive() { mine.append(item) }
          received.append(mine)
        }
      } catch { Issue.record(error) }
    }
    let lists = received.values
    #expect(lists.count == 4)
    #expect(lists.joined().sorted() == Array(0..<(senders * perSender)))
    for list in lists {
      for sender in 0..<senders {
        let ofSender = list.filter { $0 / perSender == sender }
        #expect(ofSender == ofSender.sorted())
      }
    }
    let metrics = channel.metrics
    #expect(metrics.elementCount == senders * perSender)
    #expect(metrics.byteCount == senders * perSender)
    #expect((1...byteBound).contains(metrics.peakByteCount))
  }

  @Test("a sender waits at the bound until an element is received", arguments: [1, 3])
  func backPressure(bound: Int) throws {
    let channel = BoundedChannel<Int>(
      byteBound: bound, cancellation: Cancellation(), name: "full")
    for number in 0..<bound { try channel.send(number) }
    let sender = try NamedThread(name: "sender") {
      #expect(throws: Never.self) { try channel.send(bound) }
      channel.close()
    }
    #expect(eventually { channel.waitingThreadCount == 1 })
    #expect(channel.metrics.elementCount == bound)
    #expect(try channel.receive() == 0)
    sender.join()
    for number in 1...bound { #expect(try channel.receive() == number) }
    #expect(try channel.receive() == nil)
    #expect(channel.metrics.peakByteCount == bound)
  }

  @Test("a receiver waits until an element is sent")
  func waitingForElements() throws {
    let channel = BoundedChannel<Int>(byteBound: 1, cancellation: Cancellation(), name: "empty")
    let received = Collected<Int?>()
    let receiver = try NamedThread(name: "receiver") {
      do {
        received.append(try channel.receive())
        received.append(try channel.receive())
      } catch { Issue.record(error) }
    }
    #expect(eventually { channel.waitingThreadCount == 1 })
    try channel.send(5)
    #expect(eventually { channel.waitingThreadCount == 1 && channel.count == 0 })
    channel.close()
    receiver.join()
    #expect(received.values == [5, nil])
  }

  @Test("closing wakes every waiting receiver")
  func closingWakesReceivers() throws {
    let channel = BoundedChannel<Int>(byteBound: 1, cancellation: Cancellation(), name: "empty")
    let threads = try startThreads(5) { _ in
      #expect(throws: Never.self) {
        let element = try channel.receive()
        #expect(element == nil)
      }
    }
    #expect(eventually { channel.waitingThreadCount == 5 })
    channel.close()
    channel.close()
    for thread in threads { thread.join() }
    #expect(try channel.receive() == nil)
  }

  @Test("sending into a closed channel traps")
  func sendingAfterClose() async {
    await #expect(processExitsWith: .failure) {
      let channel = BoundedChannel<Int>(byteBound: 1, cancellation: Cancellation(), name: "closed")
      channel.close()
      try channel.send(1)
    }
  }

  @Test("a received element is freed as soon as the receiver drops it")
  func promptRelease() throws {
    let census = Probe.Census()
    let channel = BoundedChannel<Probe>(byteBound: 2, cancellation: Cancellation(), name: "probes")
    let sender = try NamedThread(name: "sender") {
      for number in 0..<500 {
        #expect(throws: Never.self) { try channel.send(Probe(number, census)) }
        #expect(eventually { channel.waitingThreadCount == 1 || channel.count == 0 })
      }
      channel.close()
    }
    var last = -1
    while let number = try channel.receive()?.number {
      #expect(number == last + 1)
      // At most the two in the channel and the one that its sender holds.
      #expect(census.alive <= 3)
      last = number
    }
    sender.join()
    #expect(last == 499)
    #expect(census.alive == 0)
  }

  @Test("a sent element belongs to its receiver while the sender goes on")
  func sendingMoves() throws {
    let census = Probe.Census()
    let (sent, received) = (Gate(), Gate())
    let channel = BoundedChannel<Probe>(byteBound: 1, cancellation: Cancellation(), name: "probe")
    let sender = try NamedThread(name: "sender") {
      #expect(throws: Never.self) { try channel.send(Probe(1, census)) }
      sent.open()
      received.pass()
    }
    sent.pass()
    do { #expect(try channel.receive()?.number == 1) }
    #expect(census.alive == 0)
    received.open()
    sender.join()
  }

  @Test("sending to receivers that are gone fails the run")
  func abandoned() throws {
    let cancellation = Cancellation()
    let census = Probe.Census()
    let channel = BoundedChannel<Probe>(byteBound: 1, cancellation: cancellation, name: "lost")
    try channel.send(Probe(1, census))
    let sender = try NamedThread(name: "sender") {
      #expect(throws: CancelledError.self) { try channel.send(Probe(2, census)) }
    }
    #expect(eventually { channel.waitingThreadCount == 1 })
    #expect(channel.abandon() == 1)
    sender.join()
    #expect(census.alive == 0)
    let error = try #require(cancellation.error as? DataflowError)
    #expect(error.failure.exitCode == .internal)
    #expect(error.failure.message.contains("lost"))
  }
}
