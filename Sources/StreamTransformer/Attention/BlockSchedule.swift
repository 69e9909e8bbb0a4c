/// The oldest, middle and newest blocks of the stream at each token, and the work of each step for the next phase, as a
/// pure function of the position.
///
/// With blocks of b tokens, the window's first token e = t - n + 1 lies at offset j of block K0 = floor(e / b). A phase
/// is the b steps in which e passes through one block. During a phase the suffixes of block K0 + 1 are built from its
/// end, one a step; each overwrites the suffix of block K0 that is used for the last time in that step. The blocks from
/// K0 + 2 on are combined meanwhile. Blocks before the beginning of the stream are empty.
package struct BlockSchedule: Equatable {
    package let window: Int
    /// b, the tokens of a block: about the square root of the window.
    package let block: Int
    /// Number of complete blocks that are kept.
    package let blocks: Int

    package struct Plan: Equatable {
        /// Slot of the block that ended with the previous token, if one did.
        package var completedBlock: Int?
        /// Whether that block is a middle block of the next phase, too. In short windows it is the next oldest block
        /// instead.
        package var completedForNext: Bool
        /// Whether the window's first token is the first of its block.
        package var startsPhase: Bool
        /// Slot of the suffix that covers the window's part of the oldest block.
        package var suffix: Int
        /// Token to add to the suffixes of the next oldest block; nil before the beginning of the stream.
        package var suffixToken: Int64?
        /// Whether that token is the last of its block, so that its suffix is that token alone.
        package var startsSuffix: Bool
        /// Slot of the suffix to which the token is added.
        package var previousSuffix: Int
        /// Complete blocks to combine for the next phase.
        package var middleBlocks: Range<Int64>
    }

    /// - Parameter window: n, at least 2. The scheme needs n >= 2 b.
    package init(window: Int) {
        self.window = window
        var root = 1
        while root * root < window { root += 1 }
        block = max(1, min(root, window / 2))
        blocks = window / block + 2
    }

    /// Returns the slot of a complete block.
    package func slot(_ index: Int64) -> Int { Int(index % Int64(blocks)) }

    /// Returns the work of the step of token `position`.
    package func plan(_ position: Int64) -> Plan {
        let b = Int64(block)
        let first = position - Int64(window) + 1
        let oldest = floorDivide(first, b)
        let offset = first - oldest * b
        let newest = position / b
        let newestAtStart = floorDivide(position - offset, b)
        // Blocks oldest + 2 to newestAtStart - 1 were complete when the phase began; each step combines an even share
        // of them.
        let count = max(0, newestAtStart - oldest - 2)
        let share = (oldest + 2 + offset * count / b)..<(oldest + 2 + (offset + 1) * count / b)
        let next = (oldest + 1) * b + b - 1 - offset
        let isEven = oldest.isMultiple(of: 2)
        return Plan(
            completedBlock: position > 0 && position % b == 0 ? slot(newest - 1) : nil,
            completedForNext: newest - 1 >= oldest + (offset == 0 ? 1 : 2),
            startsPhase: offset == 0,
            suffix: suffixSlot(block: oldest, offset: Int(offset)),
            suffixToken: next >= 0 ? next : nil,
            startsSuffix: offset == 0,
            previousSuffix: Int(isEven ? offset - 1 : b - offset),
            middleBlocks: max(0, share.lowerBound)..<max(0, share.upperBound))
    }

    /// The blocks that the aggregates cover after a token was added and before the step prepared the next phase.
    package struct Coverage: Equatable {
        /// Block of the window's first token; negative before the beginning of the stream.
        package var oldest: Int64
        /// Offset of the first token in it, which is also the number of suffixes of the next block that are built.
        package var offset: Int
        /// Block of the token itself.
        package var newest: Int64
        /// Complete blocks that are combined for this phase.
        package var middle: Range<Int64>
        /// Blocks that were complete when this phase began and are combined for the next one already.
        package var nextMiddle: Range<Int64>
        /// Blocks that were completed since, and are combined for the next phase.
        package var nextMiddleCompleted: Range<Int64>
    }

    /// Returns the coverage after token `position`.
    package func coverage(_ position: Int64) -> Coverage {
        let b = Int64(block)
        let first = position - Int64(window) + 1
        let oldest = floorDivide(first, b)
        let offset = first - oldest * b
        let newest = position / b
        let newestAtStart = floorDivide(position - offset, b)
        func range(_ lower: Int64, _ upper: Int64) -> Range<Int64> { max(0, lower)..<max(0, lower, upper) }
        let count = max(0, newestAtStart - oldest - 2)
        return Coverage(
            oldest: oldest, offset: Int(offset), newest: newest, middle: range(oldest + 1, newest),
            nextMiddle: range(oldest + 2, oldest + 2 + offset * count / b),
            nextMiddleCompleted: offset == 0 ? 0..<0 : range(max(newestAtStart, oldest + 2), newest))
    }

    /// Returns the slot of the suffix that begins with the token at `offset` of a block.
    package func suffixSlot(block index: Int64, offset: Int) -> Int {
        // Even blocks keep their suffixes in order, odd ones in reverse, so that a new suffix takes the slot of an old
        // one.
        index.isMultiple(of: 2) ? offset : block - 1 - offset
    }

    private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
    }
}
