//! A matrix on the CPU as plain numbers, for loops that libtorch has no operation for.

use std::marker::PhantomData;

use tch::{Device, Kind, Tensor};

/// What the memory of a matrix holds.
///
/// # Safety
/// The type has the size of so many numbers of the kind, and any bits are one of its values.
pub unsafe trait Word: Copy + Send + Sync {
    const KIND: Kind;
    /// Numbers in each.
    const NUMBERS: usize;
}

// SAFETY: it is one.
unsafe impl Word for f32 {
    const KIND: Kind = Kind::Float;
    const NUMBERS: usize = 1;
}

/// Two of bfloat16, the first one in the lower half: its bits are those of the upper half of a float32.
// SAFETY: two times sixteen bits.
unsafe impl Word for u32 {
    const KIND: Kind = Kind::BFloat16;
    const NUMBERS: usize = 2;
}

/// The rows of a matrix where they lie in memory: each row's numbers beside each other, rows at any distance.
pub struct Rows<'a, T = f32> {
    start: *mut T,
    count: usize,
    width: usize,
    stride: usize,
    tensor: PhantomData<&'a Tensor>,
}

/// The same, to be written.
pub struct RowsMut<'a>(Rows<'a>);

// SAFETY: they are read as a slice is, and written, by `RowsMut`, as a mutable one.
unsafe impl<T: Word> Sync for Rows<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Word> Send for Rows<'_, T> {}

impl<'a, T: Word> Rows<'a, T> {
    /// Views a tensor [N, width]. As everywhere with tch, nobody may write to it meanwhile.
    pub fn of(tensor: &'a Tensor) -> Self {
        let (count, width) = tensor.size2().expect("rows are those of a matrix");
        let strides = tensor.stride();
        assert!(tensor.device() == Device::Cpu && tensor.kind() == T::KIND, "rows are numbers on the CPU");
        assert!(strides[1] == 1 || width <= 1, "the numbers of a row lie beside each other");
        let (start, width, stride) = (tensor.data_ptr().cast::<T>(), width as usize, strides[0] as usize);
        assert!(
            width.is_multiple_of(T::NUMBERS) && (stride.is_multiple_of(T::NUMBERS) || count <= 1) && start.is_aligned(),
            "every row begins and ends with whole words"
        );
        Rows { start, count: count as usize, width: width / T::NUMBERS, stride: stride / T::NUMBERS, tensor: PhantomData }
    }

    /// How many numbers, or words of them, a row has.
    pub fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &[T] {
        assert!(row < self.count, "row {row} of {}", self.count);
        // SAFETY: the tensor lives as long as this view, is a matrix of this kind on the CPU, and has this row.
        unsafe { std::slice::from_raw_parts(self.start.add(row * self.stride), self.width) }
    }
}

impl<'a> RowsMut<'a> {
    /// Views a tensor [N, width].
    ///
    /// # Safety
    /// As long as this lives, nobody else reads or writes the tensor's numbers, and its rows do not overlap.
    pub unsafe fn of(tensor: &'a Tensor) -> Self {
        RowsMut(Rows::of(tensor))
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// How many numbers a row has.
    pub fn width(&self) -> usize {
        self.0.width
    }

    /// From a row's first number to the next one's.
    pub fn stride(&self) -> usize {
        self.0.stride
    }

    /// The first number of the first row.
    pub fn start(&mut self) -> *mut f32 {
        self.0.start
    }

    /// The first `count` columns, and the others.
    pub fn split_at_column(self, count: usize) -> (Self, Self) {
        let all = self.0;
        assert!(count <= all.width, "{count} of {} columns", all.width);
        let part = |start, width| RowsMut(Rows { start, count: all.count, width, stride: all.stride, tensor: PhantomData });
        (part(all.start, count), part(all.start.wrapping_add(count), all.width - count))
    }

    /// The first `count` rows, and the others.
    pub fn split_at(self, count: usize) -> (Self, Self) {
        let all = self.0;
        assert!(count <= all.count, "{count} of {} rows", all.count);
        // A row that is not there is not looked at either.
        let second = all.start.wrapping_add(count * all.stride);
        let part = |start, count| RowsMut(Rows { start, count, width: all.width, stride: all.stride, tensor: PhantomData });
        (part(all.start, count), part(second, all.count - count))
    }

    #[inline(always)]
    pub fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.0.count, "row {row} of {}", self.0.count);
        // SAFETY: as for `Rows::row`, and the caller of `of` keeps others away.
        unsafe { std::slice::from_raw_parts_mut(self.0.start.add(row * self.0.stride), self.0.width) }
    }
}

/// The numbers of a tensor on any device as float32, row-major.
pub fn numbers_of(tensor: &Tensor) -> Vec<f32> {
    let tensor = tensor.to_kind(Kind::Float).to_device(Device::Cpu).contiguous().view(-1);
    Vec::try_from(tensor).expect("a flat float tensor is a vector")
}
