import { connectionsOf, shareOf } from './process-shares';

const pool = (WORKERS: number, DB_POOL_SIZE: number, DB_MAX_OVERFLOW: number) =>
  connectionsOf({ WORKERS, DB_POOL_SIZE, DB_MAX_OVERFLOW });

describe('What a process has of what its instance may have', () => {
  it('is everything where it is the only one', () => {
    expect([pool(1, 5, 10), pool(1, 1, 0), pool(1, 500, 500)]).toEqual([15, 1, 1000]);
    expect([shareOf({}, 4), shareOf({ WORKERS: 1 }, 0)]).toEqual([4, 0]);
  });

  it('is an equal part, never more than all together', () => {
    expect([pool(2, 5, 10), pool(3, 5, 10), pool(4, 5, 10)]).toEqual([7, 5, 3]);
    expect([shareOf({ WORKERS: 2 }, 4), shareOf({ WORKERS: 3 }, 1000)]).toEqual([2, 333]);
  });

  it('is never too little to work with', () => {
    expect([pool(64, 5, 10), pool(8, 1, 0)]).toEqual([2, 1]);
    expect([shareOf({ WORKERS: 8 }, 4), shareOf({ WORKERS: 8 }, 0)]).toEqual([1, 0]);
  });
});
